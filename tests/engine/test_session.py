from __future__ import annotations

import numpy as np
import pytest
import tifffile
import torch

from napari_unet.core.annotations import Annotations
from napari_unet.core.model import Model
from napari_unet.core.settings import Compute, changed
from napari_unet.engine import session as module
from napari_unet.engine.inbox import Inbox
from napari_unet.engine.messages import (
    Advised,
    Annotate,
    Answered,
    Cancel,
    Close,
    Configure,
    Export,
    Exported,
    FileSegmented,
    FolderSegmented,
    Idle,
    Judged,
    Look,
    Open,
    Pause,
    Predicted,
    Ready,
    Refused,
    Reset,
    Rested,
    Restore,
    Restored,
    Segmented,
    SegmentFolder,
    SegmentImage,
    Swept,
    Train,
    Trained,
)
from napari_unet.engine.session import Session

CLASSES = ("ground", "disk")
ALL = (0, 0, 10_000, 10_000)


class Driver:
    """Drives a session by `next()`, as the child process does, and keeps what it said."""

    def __init__(self, *commands, session=None):
        self.inbox = Inbox(*commands)
        self.session = session or Session(spare=0)
        self.events = self.session.run(self.inbox)
        self.heard = []

    def next(self):
        self.heard.append(next(self.events))
        return self.heard[-1]

    def until(self, kind, most=400):
        """What is said up to the first event of a kind, that one included."""
        start = len(self.heard)
        for _ in range(most):
            if isinstance(self.next(), kind):
                return self.heard[start:]
        raise AssertionError(f"no {kind}, but {[type(e).__name__ for e in self.heard[-20:]]}")

    def do(self, *commands, until=Idle):
        for command in commands:
            self.inbox.post(command)
        return self.until(until)

    def image(self, shape, plane="a"):
        """The prediction as the window would show it, from all tiles so far."""
        shown = np.zeros(shape, np.uint8)
        for event in of(Predicted, self.heard):
            if event.plane == plane:
                h, w = event.labels.shape
                shown[event.y : event.y + h, event.x : event.x + w] = event.labels
        return shown


def of(kind, events):
    return [e for e in events if isinstance(e, kind)]


def places(events):
    return [(e.y, e.x) for e in of(Predicted, events)]


@pytest.fixture
def begin(small, quick, toy):
    """A session with the toy open, painted and in view."""

    def start(*more, case=None, classes=CLASSES, paint=None, session=None, **training):
        case = case or toy()
        paint = case.paint if paint is None else paint
        return Driver(
            Configure(classes, quick(**training)),
            Open("a", case.raw),
            Look("a", ALL),
            Annotate("a", Annotations.of(paint)),
            *more,
            session=session,
        )

    return start


@pytest.fixture
def model_bytes(begin):
    driver = begin()
    driver.until(Idle)
    return driver.do(Export(), until=Exported)[-1].model


# -- first things ----------------------------------------------------------------------------


def test_it_says_where_it_computes_and_that_there_is_nothing_to_do(small):
    driver = Driver()
    ready, idle = driver.next(), driver.next()
    assert isinstance(ready, Ready)
    assert ready.device == "cpu"
    assert ready.threads >= 1
    assert isinstance(idle, Idle)
    assert isinstance(driver.next(), Idle)


def test_strokes_are_answered_without_train(begin, toy):
    case = toy()
    driver = begin(case=case)
    events = driver.until(Idle)
    assert len(of(Answered, events)) == 1
    assert not of(Trained, events)
    (judged,) = of(Judged, events)
    assert judged.step == 0
    assert judged.kept
    assert judged.held_out > 0.5
    assert judged.agreement is None
    shown = driver.image((60, 60))
    assert set(np.unique(shown)) == {1, 2}
    assert np.mean([(shown == k)[case.truth == k].mean() for k in (1, 2)]) > 0.75


def test_the_answer_comes_before_the_first_tile(begin):
    kinds = [type(e) for e in begin().until(Predicted)]
    assert kinds.index(Answered) < kinds.index(Predicted)


@pytest.mark.parametrize(
    ("painted", "sentence"), [(1, "Only class 1 is painted"), (0, "Nothing is painted yet")]
)
def test_what_is_missing_is_said_and_training_waits(begin, toy, painted, sentence):
    case = toy()
    driver = begin(Train(), case=case, paint=np.where(case.paint <= painted, case.paint, 0))
    events = driver.until(Idle)
    assert sentence in of(Advised, events)[-1].sentence
    assert not of(Answered, events)
    assert of(Trained, driver.do(Annotate("a", Annotations.of(case.paint)), until=Trained))


def test_train_without_an_image_says_what_to_do(small):
    (advice,) = of(Advised, Driver(Train()).until(Idle))
    assert advice.sentence.startswith("Choose an image")


def test_looking_at_an_image_before_painting_says_nothing(begin, toy):
    events = begin(paint=np.zeros((60, 60), np.uint8)).until(Idle)
    assert not of(Predicted, events)


# -- tiles -----------------------------------------------------------------------------------


def test_visible_tiles_come_first_on_a_large_image(begin, toy, small_tiles):
    small_tiles(200)
    case = toy(2000)
    box = (900, 1300, 1100, 1500)
    driver = begin(case=case)
    driver.inbox.post(Look("a", box))
    events = driver.until(Idle)
    order = places(events)
    assert len(order) == len(set(order)) == 100

    def seen(place):
        return all(place[i] < box[i + 2] and box[i] < place[i] + 200 for i in (0, 1))

    visible = [p for p in order if seen(p)]
    assert order[: len(visible)] == visible
    assert len(visible) == 4
    progress = of(Swept, events)
    assert [s.done for s in progress] == list(range(1, 101))
    assert [s.visible_left for s in progress[:5]] == [3, 2, 1, 0, 0]
    assert progress[0].total == 100


def test_looking_elsewhere_reorders_what_waits(begin, small_tiles):
    small_tiles(10)
    driver = begin()
    driver.inbox.post(Look("a", (0, 0, 10, 10)))
    driver.until(Predicted)
    assert places(driver.heard) == [(0, 0)]
    driver.do(Look("a", (50, 50, 60, 60)), until=Predicted)
    assert places(driver.heard)[-1] == (50, 50)
    driver.until(Idle)
    assert len(places(driver.heard)) == 36  # none twice


def test_new_paint_supersedes_tiles_that_wait(begin, small_tiles, toy):
    small_tiles(10)
    driver, paint = begin(), toy().paint.copy()
    for _ in range(3):
        driver.until(Predicted)
    paint[57, 5:20] = 1
    events = driver.do(Annotate("a", Annotations.of(paint)))
    first = of(Answered, driver.heard)[0].generation
    (answered,) = of(Answered, events)
    assert answered.generation > first
    tiles = of(Predicted, events)
    assert len(tiles) == 36
    assert {t.generation for t in tiles} == {answered.generation}


def test_every_tile_belongs_to_the_newest_weights(begin, small_tiles):
    small_tiles(20)
    driver = begin(Train(), averaging=0.3, check_every=1, held_out=0)
    newest = 0
    for _ in range(120):
        event = driver.next()
        if isinstance(event, (Predicted, Swept)):
            assert event.generation >= newest
            newest = event.generation
    assert newest > 2


def test_training_goes_on_between_tiles_nobody_sees(begin, small_tiles):
    small_tiles(10)
    driver = begin(Train(), check_every=100)
    driver.inbox.post(Look("a", (0, 0, 10, 10)))
    driver.until(Trained)
    events = driver.until(Trained) + driver.until(Trained)
    assert len(of(Predicted, events)) in {1, 2}


def test_the_probability_of_a_class_comes_on_request(begin):
    driver = begin()
    assert all(e.probability is None for e in of(Predicted, driver.until(Idle)))
    for number in (1, 2):
        (tile,) = of(Predicted, driver.do(Look("a", ALL, number)))
        assert tile.probability.dtype == np.uint8
        assert tile.probability.shape == tile.labels.shape
        assert np.array_equal(tile.probability > 127, tile.labels == number) or (
            (tile.probability[tile.labels == number] >= 127).all()
            and (tile.probability[tile.labels != number] <= 128).all()
        )
    assert of(Predicted, driver.do(Look("a", ALL)))[0].probability is None


def test_a_probability_of_no_class_is_left_out(begin):
    driver = begin()
    driver.until(Idle)
    assert of(Predicted, driver.do(Look("a", ALL, 9)))[0].probability is None


def test_an_image_that_is_looked_at_before_it_comes_is_predicted_when_it_does(begin, toy):
    """There are weights from another image already."""
    driver = begin()
    driver.until(Idle)
    assert not of(Predicted, driver.do(Look("b", ALL)))
    events = driver.do(Open("b", toy(44).raw))
    assert [(e.plane, e.labels.shape) for e in of(Predicted, events)] == [("b", (44, 44))]


@pytest.mark.parametrize("painted", [True, False])
def test_replaced_pixels_are_predicted_anew(begin, toy, painted):
    driver = begin()
    driver.until(Idle)
    plane = "a" if painted else "b"
    if not painted:
        driver.do(Open("b", toy(seed=5).raw), Look("b", ALL))
    flipped = 1 + toy(seed=9).raw[:, ::-1]
    commands = [Annotate("a", Annotations.of(toy().paint[::-1]))] if painted else []
    again = of(Predicted, driver.do(Open(plane, flipped), *commands))
    assert again
    other = of(Predicted, driver.do(Open("other name", flipped), Look("other name", ALL)))
    assert np.array_equal(again[-1].labels, other[-1].labels)


def test_an_image_of_another_size_under_the_same_name(begin, toy):
    """First the image, then the strokes on it: nothing is refused, nothing stale is left."""
    driver = begin(Train())
    driver.until(Trained)
    driver.until(Trained)
    case = toy(44)
    driver.inbox.post(Open("a", case.raw))
    start = len(driver.heard)
    driver.do(Pause())
    driver.do(Annotate("a", Annotations.of(case.paint)), Train(), until=Judged)
    driver.do(Pause())
    events = driver.heard[start:]
    assert not of(Refused, events)
    assert {e.labels.shape for e in of(Predicted, events)} == {(44, 44)}


# -- training --------------------------------------------------------------------------------


def test_train_and_pause(begin):
    driver = begin(Train())
    driver.until(Judged)
    events = driver.until(Judged)
    assert [e.step for e in of(Trained, events)] == [1, 2]
    assert all(np.isfinite(e.loss) and e.seconds > 0 for e in of(Trained, events))
    assert not of(Trained, driver.do(Pause()))
    assert of(Trained, driver.do(Train(), until=Trained))[0].step == 3


def test_the_shown_score_never_falls_and_tiles_follow_better_weights(begin):
    driver = begin(Train(), learning_rate=0.1)
    while len(of(Judged, driver.heard)) < 8:
        driver.next()
    generation = None
    for event in driver.heard:
        if isinstance(event, Judged) and event.step and not event.kept:
            assert event.held_out is not None
        if isinstance(event, Predicted):
            assert generation is None or event.generation >= generation
            generation = event.generation


def test_it_rests_when_nothing_improves_and_a_stroke_wakes_it(begin, toy):
    driver = begin(Train(), patience=2, learning_rate=0.1, averaging=0)
    (rested,) = of(Rested, driver.until(Rested, most=2000))
    assert "Paint where the prediction is wrong" in rested.reason
    assert not of(Trained, driver.until(Idle))
    paint = toy().paint.copy()
    paint[57, 5:20] = 1
    woken = driver.do(Annotate("a", Annotations.of(paint)), until=Trained)
    assert of(Answered, woken)
    (judged,) = of(Judged, woken)
    assert 0 <= judged.agreement <= 1


def test_a_camera_move_does_not_wake_it(begin):
    driver = begin(Train(), patience=1, learning_rate=0.1, averaging=0)
    driver.until(Rested, most=2000)
    driver.until(Idle)
    assert not of(Trained, driver.do(Look("a", (0, 0, 5, 5), 1)))
    assert of(Trained, driver.do(Train(), until=Trained))


def test_reset_forgets_and_answers_anew(begin):
    driver = begin(Train())
    driver.until(Judged)
    driver.until(Judged)
    newest = driver.session.bench.trainer.generation
    events = driver.do(Reset())
    (answered,) = of(Answered, events)
    assert answered.generation > newest
    assert of(Judged, events)[0].step == 0
    assert not of(Trained, events)
    assert of(Predicted, events)


def test_reset_without_strokes_shows_nothing(begin, model_bytes, small_tiles):
    """Tiles that waited for the model that is gone are not predicted by what knows no classes."""
    small_tiles(10)
    driver = begin(Restore(model_bytes), paint=np.zeros((60, 60), np.uint8))
    driver.until(Predicted)
    assert not of(Predicted, driver.do(Reset()))


def test_classes_can_be_added_at_any_time(begin, toy, quick):
    case = toy()
    driver = begin(case=case)
    driver.until(Idle)
    paint = case.paint.copy()
    paint[57, 5:30] = 3
    events = driver.do(
        Configure((*CLASSES, "dirt"), quick()), Annotate("a", Annotations.of(paint)), Train(),
        until=Trained,
    )  # fmt: skip
    assert not of(Refused, events)
    assert of(Answered, events)
    assert driver.session.bench.trainer.base.classes == 3


def test_a_class_too_many_is_refused_and_the_session_goes_on(begin, toy):
    case = toy()
    driver = begin(case=case)
    driver.until(Idle)
    (refused,) = of(Refused, driver.do(Annotate("a", Annotations.of(np.where(case.paint, 9, 0)))))
    assert "Class 9 is painted but there are only 2 classes" in refused.sentence
    assert of(Trained, driver.do(Train(), until=Trained))


def test_best_weights_are_handed_over_now_and_then(begin, monkeypatch):
    monkeypatch.setattr(module, "_COPY_EVERY", 0.0)
    driver = begin(Train())
    (copy,) = of(Exported, driver.until(Exported))
    assert not copy.asked
    assert Model.from_bytes(copy.model).header.classes == CLASSES
    generation = driver.session.bench.trainer.generation
    for event in driver.do(Pause()):
        assert not isinstance(event, Exported)
    assert generation == driver.session.bench.trainer.generation


def test_finish_judges_the_last_steps(begin):
    driver = begin(Train(), held_out=0, check_every=100)
    driver.until(Trained)
    generation = driver.session.bench.trainer.generation
    driver.session.finish()
    assert driver.session.bench.trainer.generation == generation + 1
    Session(spare=0).finish()  # nothing to judge


# -- closing ---------------------------------------------------------------------------------


def test_closing_the_image_ends_training_on_it(begin):
    driver = begin(Train())
    driver.until(Trained)
    events = driver.do(Close("a"))
    assert not of(Trained, events[2:])
    assert not of(Predicted, events[2:])
    assert isinstance(driver.next(), Idle)


def test_training_goes_on_with_the_other_images(begin, toy):
    driver = begin(Open("b", toy(seed=1).raw), Annotate("b", Annotations.of(toy().paint)), Train())
    driver.until(Trained)
    events = driver.do(Close("b"), until=Judged) + driver.until(Trained)
    assert of(Answered, events)


def test_a_closed_inbox_ends_it_in_the_midst_of_work(begin):
    driver = begin(Train())
    driver.until(Trained)
    driver.inbox.close()
    assert len(list(driver.events)) < 10


# -- models ----------------------------------------------------------------------------------


def test_export_and_restore(begin, model_bytes, toy):
    driver = begin()
    driver.until(Idle)
    shown = driver.image((60, 60))
    model = Model.from_bytes(model_bytes)
    assert model.header.classes == CLASSES
    alone = Compute(device="cpu", mirrors=False)
    assert np.array_equal(model.segment(toy().image, compute=alone), shown)
    other = Driver(Restore(model_bytes), Open("a", toy().raw), Look("a", ALL))
    events = other.until(Idle)
    assert of(Restored, events)[0].classes == CLASSES
    assert np.array_equal(other.image((60, 60)), shown)


def test_a_restored_model_is_exported_as_it_is(small, model_bytes):
    driver = Driver(Restore(model_bytes), Export())
    (exported,) = of(Exported, driver.until(Idle))
    assert exported.asked
    again, before = (Model.from_bytes(b).net.state_dict() for b in (exported.model, model_bytes))
    assert all(torch.equal(again[key], before[key]) for key in before)


@pytest.mark.parametrize(
    ("data", "sentence"), [(b"hello", "not a napari-unet model"), (b"", "not a napari-unet model")]
)
def test_restoring_what_is_no_model_is_refused(begin, data, sentence):
    driver = begin()
    driver.until(Idle)
    (refused,) = of(Refused, driver.do(Restore(data)))
    assert sentence in refused.sentence
    assert of(Trained, driver.do(Train(), until=Trained))


def test_export_before_anything_is_refused(small, begin, toy):
    for driver in (Driver(Export()), begin(Export(), paint=np.zeros_like(toy().paint))):
        (refused,) = of(Refused, driver.until(Idle))
        assert "There is no model yet: paint a few strokes" in refused.sentence


# -- bad images ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("image", "sentence"),
    [
        (np.full((1, 20, 20), np.nan), "not numbers"),
        (np.zeros((1, 20, 20)), "same value"),
        (np.ones((1, 1, 1)), "same value"),
    ],
)
def test_a_bad_image_is_refused_and_the_session_goes_on(begin, image, sentence):
    driver = begin()
    driver.until(Idle)
    (refused,) = of(Refused, driver.do(Open("b", image), Look("b", ALL)))
    assert sentence in refused.sentence
    assert of(Trained, driver.do(Look("a", ALL), Train(), until=Trained))


def test_a_refused_command_does_not_take_the_next_ones_with_it(begin):
    driver = begin(Restore(b""), Train())
    assert of(Refused, driver.until(Trained))


# -- after an error nobody foresaw -----------------------------------------------------------


def stumble(driver, monkeypatch, *commands):
    """Make the first answer fail once, as the worker would see it."""
    trainer = driver.session.bench.trainer

    def fail():
        raise RuntimeError("CUDA error: device-side assert triggered")

    monkeypatch.setattr(trainer, "answer", fail)
    with pytest.raises(RuntimeError, match="device-side"):
        driver.do(*commands)
    monkeypatch.undo()
    driver.session.pause()
    driver.events = driver.session.run(driver.inbox)


def test_after_an_error_it_is_idle_and_train_tries_again(begin, monkeypatch, toy):
    driver, paint = begin(), toy().paint.copy()
    driver.until(Idle)
    paint[57, 5:20] = 1
    with monkeypatch.context() as patch:
        stumble(driver, patch, Train(), Annotate("a", Annotations.of(paint)))
    assert not of(Trained, driver.until(Idle))
    events = driver.do(Train(), until=Trained)
    assert of(Answered, events)
    assert driver.session.bench.trainer.counts[1] == (paint == 1).sum()


def test_an_error_in_one_command_loses_none_of_the_others(begin, monkeypatch, toy):
    driver = begin()
    driver.until(Idle)
    bench = driver.session.bench
    with monkeypatch.context() as patch:
        patch.setattr(bench.trainer, "annotate", lambda *a: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            driver.do(
                Annotate("a", Annotations.of(toy().paint[::-1])), Open("b", toy(44).raw),
                Look("b", ALL), Train(), Export(),
            )  # fmt: skip
    driver.session.pause()
    driver.events = driver.session.run(driver.inbox)
    events = driver.until(Idle)
    assert {e.plane for e in of(Predicted, events)} == {"b"}
    assert of(Exported, events)
    assert not of(Trained, events)  # the user was told that training is paused


# -- segmenting ------------------------------------------------------------------------------


def put_together(events, shape):
    whole = np.zeros(shape, np.uint8)
    for event in of(Segmented, events):
        h, w = event.labels.shape
        assert not whole[event.y : event.y + h, event.x : event.x + w].any()
        whole[event.y : event.y + h, event.x : event.x + w] = event.labels
    return whole


def test_an_image_is_segmented_as_it_is_shown(begin, small_tiles):
    small_tiles(20)
    driver = begin()
    driver.until(Idle)
    events = driver.do(SegmentImage("a"))
    tiles = of(Segmented, events)
    assert [t.done for t in tiles] == [400 * n for n in range(1, 10)]
    assert {t.total for t in tiles} == {3600}
    assert np.array_equal(put_together(events, (60, 60)), driver.image((60, 60)))


def test_mirror_images_are_averaged_on_request(begin, quick, model_bytes, toy, small_tiles):
    small_tiles(20)
    driver = begin()
    driver.do(Configure(CLASSES, changed(quick(), "compute", mirrors=True)))
    events = driver.do(SegmentImage("a"))
    wanted = Model.from_bytes(model_bytes).segment(toy().image, compute=Compute(mirrors=True))
    assert np.array_equal(put_together(events, (60, 60)), wanted)


def test_all_tiles_of_a_segmentation_come_from_the_same_weights(begin, toy, small_tiles):
    small_tiles(20)
    driver = begin()
    driver.until(Idle)
    shown = driver.image((60, 60))
    events = driver.do(SegmentImage("a"), until=Segmented)
    flipped = np.where(toy().paint, 3 - toy().paint, 0)
    events += driver.do(Annotate("a", Annotations.of(flipped)))
    assert np.array_equal(put_together(events, (60, 60)), shown)
    assert not np.array_equal(driver.image((60, 60)), shown)


def test_cancel_stops_at_the_next_tile_and_a_new_job_can_begin(begin, small_tiles):
    small_tiles(20)
    driver = begin()
    driver.until(Idle)
    driver.do(SegmentImage("a"), until=Segmented)
    assert not of(Segmented, driver.do(Cancel()))
    assert len(of(Segmented, driver.do(SegmentImage("a")))) == 9


@pytest.mark.parametrize("replaced", [True, False])
def test_an_image_that_goes_away_ends_its_segmentation(begin, toy, small_tiles, replaced):
    small_tiles(20)
    driver = begin()
    driver.until(Idle)
    driver.do(Open("b", toy(seed=3).raw))
    driver.do(SegmentImage("b"), until=Segmented)
    other = 1 + toy(seed=4).raw[:, ::-1]
    events = driver.do(Open("b", other) if replaced else Close("b"))
    assert not of(Segmented, events)
    if replaced:  # and nothing of the old pixels is remembered under the name
        shown = driver.do(Look("b", ALL)) and driver.image((60, 60), "b")
        driver.do(Open("other name", other), Look("other name", ALL))
        assert np.array_equal(shown, driver.image((60, 60), "other name"))


def test_segmenting_needs_an_image_and_a_model(small, begin, toy):
    (refused,) = of(Refused, Driver(SegmentImage("a")).until(Idle))
    assert "choose an image layer first" in refused.sentence
    driver = begin(SegmentImage("a"), paint=np.zeros_like(toy().paint))
    (refused,) = of(Refused, driver.until(Idle))
    assert "no model yet" in refused.sentence


def test_strokes_are_taken_while_segmenting(begin, toy, small_tiles):
    """A job does not keep the painter waiting."""
    small_tiles(10)
    driver = begin()
    driver.until(Idle)
    driver.do(SegmentImage("a"), until=Segmented)
    events = driver.do(Annotate("a", Annotations.of(toy().paint[:, ::-1])), until=Answered)
    assert len(of(Segmented, events)) <= 2


@pytest.fixture
def folder(tmp_path, toy):
    source = tmp_path / "in"
    source.mkdir()
    for name in "abc":
        tifffile.imwrite(source / f"{name}.tif", toy(40, seed=ord(name)).image)
    return source


@pytest.mark.parametrize("own_model", [True, False])
def test_a_folder_is_segmented(begin, folder, tmp_path, model_bytes, own_model):
    driver = begin() if own_model else Driver()
    driver.until(Idle)
    model = b"" if own_model else model_bytes
    events = driver.do(SegmentFolder(str(folder), str(tmp_path / "out"), model=model))
    assert [e.error for e in of(FileSegmented, events)] == ["", "", ""]
    assert of(FolderSegmented, events)[0].written == 3
    found = tifffile.imread(tmp_path / "out" / "a.tif")
    image = tifffile.imread(folder / "a.tif")
    assert np.array_equal(found, Model.from_bytes(model_bytes).segment(image))


def test_a_folder_can_be_cancelled(begin, folder, tmp_path):
    driver = begin()
    driver.until(Idle)
    driver.do(SegmentFolder(str(folder), str(tmp_path / "out")), until=FileSegmented)
    (end,) = of(FolderSegmented, driver.do(Cancel()))
    assert (end.written, end.cancelled) == (1, True)


@pytest.mark.parametrize("what", ["no folder", "no model", "bad model"])
def test_a_folder_that_cannot_be_segmented_is_refused(begin, small, folder, tmp_path, what):
    driver = Driver() if what == "no model" else begin()
    driver.until(Idle)
    source = tmp_path / "none" if what == "no folder" else folder
    command = SegmentFolder(
        str(source), str(tmp_path / "out"), model=b"bad" if what == "bad model" else b""
    )
    (refused,) = of(Refused, driver.do(command))
    assert refused.sentence.endswith(".")
    assert not (tmp_path / "out").exists()


# -- devices ---------------------------------------------------------------------------------


def test_a_device_that_is_not_there_is_refused(begin, quick, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    driver = begin()
    driver.until(Idle)
    (refused,) = of(
        Refused, driver.do(Configure(CLASSES, changed(quick(), "compute", device="cuda")))
    )
    assert "no cuda device" in refused.sentence
    assert of(Trained, driver.do(Train(), until=Trained))
