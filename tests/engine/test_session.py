from __future__ import annotations

import numpy as np
import pytest
import tifffile
import torch
from msgspec.structs import replace

from napari_unet.core import device, precision
from napari_unet.core.annotations import Annotations
from napari_unet.core.model import Model
from napari_unet.core.prediction import Predictor
from napari_unet.core.presets import start
from napari_unet.core.recipe import Recipe
from napari_unet.core.settings import Compute, Settings, changed
from napari_unet.engine import copies, jobs, session
from napari_unet.engine import messages as m
from napari_unet.engine.inbox import Inbox
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

    def do(self, *commands, until=m.Idle):
        for command in commands:
            self.inbox.post(command)
        return self.until(until)

    def image(self, shape, plane="a"):
        """The prediction as the window would show it, from all tiles so far."""
        shown = np.zeros(shape, np.uint8)
        for event in of(m.Predicted, self.heard):
            if event.plane == plane:
                h, w = event.labels.shape
                shown[event.y : event.y + h, event.x : event.x + w] = event.labels
        return shown


def of(kind, events):
    return [e for e in events if isinstance(e, kind)]


def places(events):
    return [(e.y, e.x) for e in of(m.Predicted, events)]


@pytest.fixture
def begin(small, quick, toy):
    """A session with the toy open, painted and in view."""

    def start(*more, case=None, classes=CLASSES, paint=None, session=None, **training):
        case = case or toy()
        paint = case.paint if paint is None else paint
        return Driver(
            m.Configure(classes, quick(**training)),
            m.Open("a", case.raw),
            m.Look("a", ALL),
            m.Annotate("a", Annotations.of(paint)),
            *more,
            session=session,
        )

    return start


@pytest.fixture
def model_bytes(begin):
    driver = begin()
    driver.until(m.Idle)
    return driver.do(m.Export(), until=m.Exported)[-1].model


# -- first things ----------------------------------------------------------------------------


def test_it_says_where_it_computes_and_that_there_is_nothing_to_do(small):
    driver = Driver()
    ready, idle = driver.next(), driver.next()
    assert isinstance(ready, m.Ready)
    assert ready.device == "cpu"
    assert ready.threads >= 1
    assert isinstance(idle, m.Idle)
    assert isinstance(driver.next(), m.Idle)


def test_strokes_are_answered_without_train(begin, toy, monkeypatch):
    case = toy()
    monkeypatch.setattr("napari_unet.engine.workbench.start", start)  # the bundled network
    driver = begin(case=case)
    events = driver.until(m.Idle)
    assert len(of(m.Answered, events)) == 1
    assert not of(m.Trained, events)
    (judged,) = of(m.Judged, events)
    assert judged.step == 0
    assert judged.kept
    assert judged.held_out > 0.5
    shown = driver.image((60, 60))
    assert set(np.unique(shown)) == {1, 2}
    assert np.mean([(shown == k)[case.truth == k].mean() for k in (1, 2)]) > 0.75


def test_the_answer_comes_before_the_first_tile(begin):
    kinds = [type(e) for e in begin().until(m.Predicted)]
    assert kinds.index(m.Answered) < kinds.index(m.Predicted)


@pytest.mark.parametrize(
    ("painted", "sentence"), [(1, "Only class 1 is painted"), (0, "Nothing is painted yet")]
)
def test_what_is_missing_is_said_and_training_waits(begin, toy, painted, sentence):
    case = toy()
    driver = begin(m.Train(), case=case, paint=np.where(case.paint <= painted, case.paint, 0))
    events = driver.until(m.Idle)
    assert sentence in of(m.Advised, events)[-1].sentence
    assert not of(m.Answered, events)
    assert of(m.Trained, driver.do(m.Annotate("a", Annotations.of(case.paint)), until=m.Trained))


def test_train_without_an_image_says_what_to_do(small):
    (advice,) = of(m.Advised, Driver(m.Train()).until(m.Idle))
    assert advice.sentence.startswith("Choose an image")


def test_looking_at_an_image_before_painting_says_nothing(begin, toy):
    events = begin(paint=np.zeros((60, 60), np.uint8)).until(m.Idle)
    assert not of(m.Predicted, events)


# -- tiles -----------------------------------------------------------------------------------


def test_visible_tiles_come_first_on_a_large_image(begin, toy, small_tiles):
    small_tiles(100)
    case = toy(1000)
    box = (450, 650, 550, 750)
    driver = begin(case=case)
    driver.inbox.post(m.Look("a", box))
    events = driver.until(m.Idle)
    order = places(events)
    assert len(order) == len(set(order)) == 100

    def seen(place):
        return all(place[i] < box[i + 2] and box[i] < place[i] + 100 for i in (0, 1))

    visible = [p for p in order if seen(p)]
    assert order[: len(visible)] == visible
    assert len(visible) == 4
    progress = of(m.Swept, events)
    assert [s.done for s in progress] == list(range(1, 101))
    assert [s.visible_left for s in progress[:5]] == [3, 2, 1, 0, 0]
    assert progress[0].total == 100


def test_looking_elsewhere_reorders_what_waits(begin, small_tiles):
    small_tiles(10)
    driver = begin()
    driver.inbox.post(m.Look("a", (0, 0, 10, 10)))
    driver.until(m.Predicted)
    assert places(driver.heard) == [(0, 0)]
    driver.do(m.Look("a", (50, 50, 60, 60)), until=m.Predicted)
    assert places(driver.heard)[-1] == (50, 50)
    driver.until(m.Idle)
    assert len(places(driver.heard)) == 36  # none twice


def test_new_paint_supersedes_tiles_that_wait(begin, small_tiles, toy):
    small_tiles(10)
    driver, paint = begin(), toy().paint.copy()
    for _ in range(3):
        driver.until(m.Predicted)
    paint[57, 5:20] = 1
    events = driver.do(m.Annotate("a", Annotations.of(paint)))
    first = of(m.Answered, driver.heard)[0].generation
    (answered,) = of(m.Answered, events)
    assert answered.generation > first
    tiles = of(m.Predicted, events)
    assert len(tiles) == 36
    assert {t.generation for t in tiles} == {answered.generation}


def test_every_tile_belongs_to_the_newest_weights(begin, small_tiles):
    small_tiles(20)
    driver = begin(m.Train(), averaging=0.3, check_every=1, held_out=0)
    newest = 0
    for _ in range(120):
        event = driver.next()
        if isinstance(event, (m.Predicted, m.Swept)):
            assert event.generation >= newest
            newest = event.generation
    assert newest > 2


@pytest.mark.parametrize("check_every", [1, 3])
def test_far_tiles_get_their_turn_though_training_improves_all_the_time(
    begin, toy, small_tiles, check_every
):
    small_tiles(10)
    paint = toy().paint
    paint[20:], paint[:, 30:] = 0, 0  # on few tiles: with more of them, checks become rarer
    driver = begin(m.Train(), paint=paint, averaging=0.3, check_every=check_every, held_out=0)
    driver.inbox.post(m.Look("a", (0, 0, 10, 10)))
    while len(of(m.Trained, driver.heard)) < 45:
        driver.next()
    assert driver.session.bench.trainer.interval == check_every
    assert len({e.generation for e in of(m.Predicted, driver.heard)}) > 10
    assert len(set(places(driver.heard))) == 36
    newest = {(e.y, e.x): e.generation for e in of(m.Predicted, driver.heard)}
    assert min(newest.values()) > 2  # and none stays as it was


def test_training_goes_on_between_tiles_nobody_sees(begin, small_tiles):
    small_tiles(10)
    driver = begin(m.Train(), check_every=100)
    driver.inbox.post(m.Look("a", (0, 0, 10, 10)))
    driver.until(m.Trained)
    events = driver.until(m.Trained) + driver.until(m.Trained)
    assert len(of(m.Predicted, events)) in {1, 2}


def test_the_probability_of_a_class_comes_on_request(begin):
    driver = begin()
    assert all(e.overlay is None for e in of(m.Predicted, driver.until(m.Idle)))
    for number in (1, 2):
        (tile,) = of(m.Predicted, driver.do(m.Look("a", ALL, number)))
        assert tile.overlay.dtype == np.uint8
        assert tile.overlay.shape == tile.labels.shape
        assert np.array_equal(tile.overlay > 127, tile.labels == number) or (
            (tile.overlay[tile.labels == number] >= 127).all()
            and (tile.overlay[tile.labels != number] <= 128).all()
        )
    assert of(m.Predicted, driver.do(m.Look("a", ALL)))[0].overlay is None


@pytest.mark.parametrize("overlay", [None, 1, m.UNSURE])
def test_how_sure_it_is_comes_on_request(begin, overlay):
    """The probability of each pixel's class, whatever is shown on top."""
    driver = begin()
    assert all(e.certainty is None for e in of(m.Predicted, driver.until(m.Idle)))
    (tile,) = of(m.Predicted, driver.do(m.Look("a", ALL, overlay, certainty=True)))
    assert tile.certainty.dtype == np.uint8
    assert tile.certainty.shape == tile.labels.shape
    assert (tile.certainty >= 127).all()  # of two classes
    looks = (m.Look("a", ALL, number) for number in (2, 1) if number != overlay)
    shown = {look.overlay: of(m.Predicted, driver.do(look))[0].overlay for look in looks}
    shown[overlay] = tile.overlay
    own = np.where(tile.labels == 1, shown[1], shown[2])
    assert np.abs(own.astype(int) - tile.certainty).max() <= 1
    assert (tile.overlay is None) == (overlay is None)


def test_nothing_is_predicted_again_to_leave_certainty_out(begin, small_tiles):
    """But it is where some tiles have none; and where the box changes, all tiles keep it."""
    small_tiles(20)
    driver = begin()
    driver.until(m.Idle)
    assert len(of(m.Predicted, driver.do(m.Look("a", ALL, certainty=True)))) == 9
    assert not of(m.Predicted, driver.do(m.Look("a", ALL)))
    assert not of(m.Predicted, driver.do(m.Look("a", (0, 0, 9, 9), certainty=True)))
    again = of(m.Predicted, driver.do(m.Look("a", ALL, 1)))
    assert len(again) == 9
    assert all(tile.certainty is None for tile in again)
    again = of(m.Predicted, driver.do(m.Look("a", ALL, 1, certainty=True)))
    assert len(again) == 9
    assert all(tile.certainty is not None for tile in again)


def test_certainty_that_is_no_longer_wanted_comes_with_the_rest_of_a_sweep(begin, small_tiles):
    """Else some tiles of it would have none when it is wanted again."""
    small_tiles(20)
    driver = begin()
    driver.until(m.Idle)
    events = driver.do(m.Look("a", ALL, certainty=True), until=m.Predicted)
    events += driver.do(m.Look("a", (0, 0, 9, 9)), m.Look("a", ALL, certainty=True))
    tiles = of(m.Predicted, events)
    assert len(tiles) == 9
    assert all(tile.certainty is not None for tile in tiles)


def test_a_probability_of_no_class_is_left_out(begin):
    driver = begin()
    driver.until(m.Idle)
    assert of(m.Predicted, driver.do(m.Look("a", ALL, 9)))[0].overlay is None


def test_an_image_that_is_looked_at_before_it_comes_is_predicted_when_it_does(begin, toy):
    """There are weights from another image already."""
    driver = begin()
    driver.until(m.Idle)
    assert not of(m.Predicted, driver.do(m.Look("b", ALL)))
    events = driver.do(m.Open("b", toy(44).raw))
    assert [(e.plane, e.labels.shape) for e in of(m.Predicted, events)] == [("b", (44, 44))]


@pytest.mark.parametrize("painted", [True, False])
def test_replaced_pixels_are_predicted_anew(begin, toy, painted):
    driver = begin()
    driver.until(m.Idle)
    plane = "a" if painted else "b"
    if not painted:
        driver.do(m.Open("b", toy(seed=5).raw), m.Look("b", ALL))
    flipped = 1 + toy(seed=9).raw[:, ::-1]
    commands = [m.Annotate("a", Annotations.of(toy().paint[::-1]))] if painted else []
    again = of(m.Predicted, driver.do(m.Open(plane, flipped), *commands))
    assert again
    other = of(m.Predicted, driver.do(m.Open("other name", flipped), m.Look("other name", ALL)))
    assert np.array_equal(again[-1].labels, other[-1].labels)


def test_an_image_of_another_size_under_the_same_name(begin, toy):
    """First the image, then the strokes on it: nothing is refused, nothing stale is left."""
    driver = begin(m.Train())
    driver.until(m.Trained)
    driver.until(m.Trained)
    case = toy(44)
    driver.inbox.post(m.Open("a", case.raw))
    start = len(driver.heard)
    driver.do(m.Pause())
    driver.do(m.Annotate("a", Annotations.of(case.paint)), m.Train(), until=m.Judged)
    driver.do(m.Pause())
    events = driver.heard[start:]
    assert not of(m.Refused, events)
    assert {e.labels.shape for e in of(m.Predicted, events)} == {(44, 44)}


# -- training --------------------------------------------------------------------------------


def test_train_and_pause(begin):
    driver = begin(m.Train())
    driver.until(m.Judged)
    events = driver.until(m.Judged)
    assert [e.step for e in of(m.Trained, events)] == [1, 2]
    assert all(np.isfinite(e.loss) and e.seconds > 0 for e in of(m.Trained, events))
    assert not of(m.Trained, driver.do(m.Pause()))
    assert of(m.Trained, driver.do(m.Train(), until=m.Trained))[0].step == 3


def test_the_shown_score_never_falls_and_tiles_follow_better_weights(begin):
    driver = begin(m.Train(), learning_rate=0.1)
    while len(of(m.Judged, driver.heard)) < 8:
        driver.next()
    generation = None
    for event in driver.heard:
        if isinstance(event, m.Judged) and event.step and not event.kept:
            assert event.held_out is not None
        if isinstance(event, m.Predicted):
            assert generation is None or event.generation >= generation
            generation = event.generation


def test_strokes_are_scored_before_they_are_learnt_from(begin, toy):
    paint = toy().paint.copy()
    driver = begin()
    assert not of(m.Scored, driver.until(m.Idle))  # nothing had predicted the first ones
    paint[57, 5:20] = 1
    kinds = [type(e) for e in driver.do(m.Annotate("a", Annotations.of(paint)))]
    assert kinds.count(m.Scored) == 1
    assert kinds.index(m.Scored) < kinds.index(m.Answered)


def test_strokes_that_come_again_are_not_scored(begin, toy, model_bytes):
    """As when an engine died: the weights that came back know these strokes."""
    driver = Driver(m.Configure(CLASSES, changed(Settings(), "compute", threads=1)))
    driver.do(
        m.Restore(model_bytes),
        m.Open("a", toy().raw),
        m.Annotate("a", Annotations.of(toy().paint), seen=True),
        until=m.Answered,
    )
    assert not of(m.Scored, driver.heard)


def test_the_working_scale_is_told(begin):
    driver = begin()
    driver.until(m.Idle)
    (judged,) = of(m.Judged, driver.heard)
    assert judged.shrink == driver.session.bench.trainer.best.shrink


# -- where to paint next ---------------------------------------------------------------------


def test_uncertainty_comes_with_the_prediction(begin):
    driver = begin()
    driver.until(m.Idle)
    (tile,) = of(m.Predicted, driver.do(m.Look("a", ALL, m.UNSURE)))
    assert tile.overlay.dtype == np.uint8
    assert tile.overlay.shape == tile.labels.shape
    trainer = driver.session.bench.trainer
    (where,) = trainer.predictor.tiles(trainer.pictures["a"])
    features = trainer.predictor.features("a", trainer.pictures["a"], where)
    first, second = trainer.predictor.probabilities(features)
    assert np.abs(tile.overlay - 255 * (1 - (first - second).abs().numpy())).max() <= 0.51


def test_a_place_is_suggested_and_never_the_same_one(begin, toy):
    driver = begin(case=toy(200))
    driver.until(m.Idle)
    places = [driver.do(m.Suggest(), until=m.Suggested)[-1].place for _ in range(4)]
    for index, (y, x) in enumerate(places):
        assert 0 <= y < 200
        assert 0 <= x < 200
        assert all(np.hypot(y - v, x - u) > 16 for v, u in places[:index])


def test_a_place_is_found_among_several_tiles(begin, toy, small_tiles):
    """And painting over all of the plane leaves none."""
    small_tiles(40)
    case = toy(90)
    driver = begin(case=case)
    driver.until(m.Idle)
    found = driver.do(m.Suggest(), until=m.Suggested)[-1]
    assert found.plane == "a"
    assert found.place is not None
    driver.do(m.Annotate("a", Annotations.of(case.truth)))
    assert driver.do(m.Suggest(), until=m.Suggested)[-1].place is None


def test_without_a_prediction_it_says_what_to_paint(begin, toy):
    driver = begin(paint=np.where(toy().paint == 1, 1, 0))
    driver.until(m.Idle)
    (advice,) = of(m.Advised, driver.do(m.Suggest()))
    assert "second class" in advice.sentence


def test_a_plane_that_closes_meanwhile_gets_no_place(begin, toy, small_tiles):
    small_tiles(40)
    driver = begin(case=toy(90))
    driver.until(m.Idle)
    driver.inbox.post(m.Suggest())
    driver.inbox.post(m.Close("a"))
    assert not of(m.Suggested, driver.until(m.Idle))


def test_it_rests_when_nothing_improves_and_a_stroke_wakes_it(begin, toy):
    driver = begin(m.Train(), patience=2, learning_rate=0.1, averaging=0)
    (rested,) = of(m.Rested, driver.until(m.Rested, most=2000))
    assert "Paint where the prediction is wrong" in rested.reason
    assert not of(m.Trained, driver.until(m.Idle))
    paint = toy().paint.copy()
    paint[57, 5:20] = 1
    woken = driver.do(m.Annotate("a", Annotations.of(paint)), until=m.Trained)
    assert of(m.Answered, woken)
    (scored,) = of(m.Scored, woken)
    assert 0 <= scored.agreement <= 1


def test_it_rests_after_as_many_checks_as_it_has_patience_for(begin, toy):
    """And again after each stroke."""
    driver, paint = begin(m.Train(), patience=3, learning_rate=1e-5), toy().paint.copy()
    for row in (57, 55):
        checks = [e for e in of(m.Judged, driver.until(m.Rested)) if e.seconds and e.step]
        assert len(checks) in {3, 4}  # the first answer is judged, too
        driver.until(m.Idle)
        paint[row, 5:20] = 1
        driver.inbox.post(m.Annotate("a", Annotations.of(paint)))
    assert of(m.Trained, driver.until(m.Trained))


def test_a_camera_move_does_not_wake_it(begin):
    driver = begin(m.Train(), patience=1, learning_rate=0.1, averaging=0)
    driver.until(m.Rested, most=2000)
    driver.until(m.Idle)
    assert not of(m.Trained, driver.do(m.Look("a", (0, 0, 5, 5), 1)))
    assert of(m.Trained, driver.do(m.Train(), until=m.Trained))


def test_reset_forgets_and_answers_anew(begin):
    driver = begin(m.Train())
    driver.until(m.Judged)
    driver.until(m.Judged)
    newest = driver.session.bench.trainer.generation
    events = driver.do(m.Reset())
    (answered,) = of(m.Answered, events)
    assert answered.generation > newest
    assert of(m.Judged, events)[0].step == 0
    assert not of(m.Trained, events)
    assert of(m.Predicted, events)


def test_reset_without_strokes_shows_nothing(begin, model_bytes, small_tiles):
    """Tiles that waited for the model that is gone are not predicted by what knows no classes."""
    small_tiles(10)
    driver = begin(m.Restore(model_bytes), paint=np.zeros((60, 60), np.uint8))
    driver.until(m.Predicted)
    assert not of(m.Predicted, driver.do(m.Reset()))


def test_classes_can_be_added_at_any_time(begin, toy, quick):
    case = toy()
    driver = begin(case=case)
    driver.until(m.Idle)
    paint = case.paint.copy()
    paint[57, 5:30] = 3
    events = driver.do(
        m.Configure((*CLASSES, "dirt"), quick()), m.Annotate("a", Annotations.of(paint)), m.Train(),
        until=m.Trained,
    )  # fmt: skip
    assert not of(m.Refused, events)
    assert of(m.Answered, events)
    assert driver.session.bench.trainer.base.classes == 3


def test_a_class_too_many_is_refused_and_the_session_goes_on(begin, toy):
    case = toy()
    driver = begin(case=case)
    driver.until(m.Idle)
    (refused,) = of(
        m.Refused, driver.do(m.Annotate("a", Annotations.of(np.where(case.paint, 9, 0))))
    )
    assert "Class 9 is painted but there are only 2 classes" in refused.sentence
    assert of(m.Trained, driver.do(m.Train(), until=m.Trained))


def test_best_weights_are_handed_over_now_and_then(begin, monkeypatch):
    monkeypatch.setattr(copies, "_EVERY", 0.0)
    driver = begin(m.Train())
    (copy,) = of(m.Exported, driver.until(m.Exported))
    assert not copy.asked
    assert Model.from_bytes(copy.model).header.classes == CLASSES
    generation = driver.session.bench.trainer.generation
    for event in driver.do(m.Pause()):
        assert not isinstance(event, m.Exported)
    assert generation == driver.session.bench.trainer.generation


@pytest.mark.parametrize("share", [0.0, 1e9])
def test_copies_wait_for_a_slow_line(begin, toy, monkeypatch, share):
    """What takes long to travel travels rarely, or tiles would wait behind it."""
    monkeypatch.setattr(copies, "_EVERY", 0.0)
    monkeypatch.setattr(copies, "_SHARE", share)
    driver = begin(m.Train())
    driver.until(m.Exported)
    driver.inbox.post(m.Annotate("a", Annotations.of(np.roll(toy().paint, 1, 0))))
    heard = [event for _ in range(12) for event in driver.until(m.Trained)]
    assert any(isinstance(event, m.Exported) for event in heard) is (share == 0)


def test_finish_judges_the_last_steps(begin):
    driver = begin(m.Train(), held_out=0, check_every=100)
    driver.until(m.Trained)
    generation = driver.session.bench.trainer.generation
    (judged,) = driver.session.finish()
    assert isinstance(judged, m.Judged)
    assert (judged.step, judged.kept) == (1, True)
    assert driver.session.bench.trainer.generation == generation + 1
    assert not list(driver.session.finish())  # that is judged already
    assert not list(Session(spare=0).finish())  # nothing to judge


def test_finish_tells_the_score_of_the_weights_that_predict_then(begin):
    driver = begin(m.Train(), check_every=100)
    driver.until(m.Trained)
    (judged,) = driver.session.finish()
    assert judged.held_out == driver.session.bench.trainer.check().score


# -- closing ---------------------------------------------------------------------------------


def test_closing_the_image_ends_training_on_it(begin):
    driver = begin(m.Train())
    driver.until(m.Trained)
    events = driver.do(m.Close("a"))
    assert not of(m.Trained, events[2:])
    assert not of(m.Predicted, events[2:])
    assert isinstance(driver.next(), m.Idle)


def test_training_goes_on_with_the_other_images(begin, toy):
    driver = begin(
        m.Open("b", toy(seed=1).raw), m.Annotate("b", Annotations.of(toy().paint)), m.Train()
    )
    driver.until(m.Trained)
    events = driver.do(m.Close("b"), until=m.Judged) + driver.until(m.Trained)
    assert of(m.Answered, events)


def test_a_closed_inbox_ends_it_in_the_midst_of_work(begin):
    driver = begin(m.Train())
    driver.until(m.Trained)
    driver.inbox.close()
    assert len(list(driver.events)) < 10


# -- models ----------------------------------------------------------------------------------


def test_export_and_restore(begin, model_bytes, toy):
    driver = begin()
    driver.until(m.Idle)
    shown = driver.image((60, 60))
    model = Model.from_bytes(model_bytes)
    assert model.header.classes == CLASSES
    alone = Compute(device="cpu", mirrors=False)
    assert np.array_equal(model.segment(toy().image, compute=alone), shown)
    other = Driver(m.Restore(model_bytes), m.Open("a", toy().raw), m.Look("a", ALL))
    events = other.until(m.Idle)
    assert of(m.Restored, events)[0].classes == CLASSES
    assert np.array_equal(other.image((60, 60)), shown)


def test_a_restored_model_is_exported_as_it_is(small, model_bytes):
    driver = Driver(m.Restore(model_bytes), m.Export())
    (exported,) = of(m.Exported, driver.until(m.Idle))
    assert exported.asked
    again, before = (Model.from_bytes(b).net.state_dict() for b in (exported.model, model_bytes))
    assert all(torch.equal(again[key], before[key]) for key in before)


@pytest.mark.parametrize(
    ("data", "sentence"), [(b"hello", "not a napari-unet model"), (b"", "not a napari-unet model")]
)
def test_restoring_what_is_no_model_is_refused(begin, data, sentence):
    driver = begin()
    driver.until(m.Idle)
    (refused,) = of(m.Refused, driver.do(m.Restore(data)))
    assert sentence in refused.sentence
    assert refused.plane == ""
    assert of(m.Trained, driver.do(m.Train(), until=m.Trained))


def test_export_before_anything_is_refused(small, begin, toy):
    for driver in (Driver(m.Export()), begin(m.Export(), paint=np.zeros_like(toy().paint))):
        (refused,) = of(m.Refused, driver.until(m.Idle))
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
    driver.until(m.Idle)
    (refused,) = of(m.Refused, driver.do(m.Open("b", image), m.Look("b", ALL)))
    assert sentence in refused.sentence
    assert refused.plane == "b"
    assert of(m.Trained, driver.do(m.Look("a", ALL), m.Train(), until=m.Trained))


def test_a_refused_command_does_not_take_the_next_ones_with_it(begin):
    driver = begin(m.Restore(b""), m.Train())
    assert of(m.Refused, driver.until(m.Trained))


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
    driver.until(m.Idle)
    paint[57, 5:20] = 1
    with monkeypatch.context() as patch:
        stumble(driver, patch, m.Train(), m.Annotate("a", Annotations.of(paint)))
    assert not of(m.Trained, driver.until(m.Idle))
    events = driver.do(m.Train(), until=m.Trained)
    assert of(m.Answered, events)
    assert driver.session.bench.trainer.counts[1] == (paint == 1).sum()


def test_an_error_in_one_command_loses_none_of_the_others(begin, monkeypatch, toy):
    driver = begin()
    driver.until(m.Idle)
    bench = driver.session.bench
    with monkeypatch.context() as patch:
        patch.setattr(bench.trainer, "annotate", lambda *a, **more: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            driver.do(
                m.Annotate("a", Annotations.of(toy().paint[::-1])), m.Open("b", toy(44).raw),
                m.Look("b", ALL), m.Train(), m.Export(),
            )  # fmt: skip
    driver.session.pause()
    driver.events = driver.session.run(driver.inbox)
    events = driver.until(m.Idle)
    assert {e.plane for e in of(m.Predicted, events)} == {"b"}
    assert of(m.Exported, events)
    assert not of(m.Trained, events)  # the user was told that training is paused


# -- segmenting ------------------------------------------------------------------------------


def put_together(events, shape):
    whole = np.zeros(shape, np.uint8)
    for event in of(m.Segmented, events):
        h, w = event.labels.shape
        assert not whole[event.y : event.y + h, event.x : event.x + w].any()
        whole[event.y : event.y + h, event.x : event.x + w] = event.labels
    return whole


def test_an_image_is_segmented_as_it_is_shown(begin, small_tiles):
    small_tiles(20)
    driver = begin()
    driver.until(m.Idle)
    events = driver.do(m.SegmentImage("a"))
    tiles = of(m.Segmented, events)
    assert [t.done for t in tiles] == [400 * n for n in range(1, 10)]
    assert {t.total for t in tiles} == {3600}
    assert np.array_equal(put_together(events, (60, 60)), driver.image((60, 60)))


@pytest.mark.parametrize("mirrors", [False, True])
def test_a_segmented_image_says_how_sure_it_is_as_a_batch_does(
    begin, quick, toy, small_tiles, tmp_path, mirrors
):
    small_tiles(20)
    driver = begin()
    driver.do(m.Configure(CLASSES, changed(quick(), "compute", mirrors=mirrors)))
    found = np.zeros((60, 60), np.uint8)
    for tile in of(m.Segmented, driver.do(m.SegmentImage("a"))):
        found[tile.y : tile.y + 20, tile.x : tile.x + 20] = tile.certainty
    tifffile.imwrite(tmp_path / "a.tif", toy().raw[0])
    recipe = Recipe(("probabilities",))
    driver.do(
        m.SegmentFolder(str(tmp_path / "a.tif"), str(tmp_path / "out"), recipe=recipe),
        until=m.FolderSegmented,
    )
    shares = tifffile.imread(tmp_path / "out" / "a_probabilities.tif")
    assert np.array_equal(found, np.rint(255 * shares.max(0)))


def test_mirror_images_are_averaged_on_request(begin, quick, toy, small_tiles):
    small_tiles(20)
    driver = begin()
    driver.do(m.Configure(CLASSES, changed(quick(), "compute", mirrors=True)))
    events = driver.do(m.SegmentImage("a"))
    model = Model.from_bytes(driver.do(m.Export(), until=m.Exported)[-1].model)
    wanted = model.segment(toy().image, compute=Compute(mirrors=True))
    assert np.array_equal(put_together(events, (60, 60)), wanted)


@pytest.mark.parametrize("agreement", [0.9995, 0.99])
def test_what_is_kept_comes_from_the_precision_that_keeps_the_labels(
    begin, toy, small_tiles, monkeypatch, agreement
):
    """The preview takes the faster one in any case."""
    small_tiles(20)
    monkeypatch.setattr(device, "_precision", lambda name: torch.bfloat16)
    monkeypatch.setattr(precision, "agreement", lambda *_: agreement)
    used, mean = [], Predictor.mean

    def watched(self, picture, todo, *, mirrored):
        used.append(self.device.precision)
        return mean(self, picture, todo, mirrored=mirrored)

    monkeypatch.setattr(Predictor, "mean", watched)
    driver = begin()
    driver.until(m.Idle)
    assert len(of(m.Segmented, driver.do(m.SegmentImage("a")))) == 9
    assert used == [torch.bfloat16 if agreement > 0.999 else torch.float32]
    assert driver.session.bench.trainer.predictor.device.precision == torch.bfloat16


def test_the_precision_is_chosen_once_for_all_planes_until_the_weights_change(
    begin, toy, monkeypatch
):
    made = []

    def watched(net, device):
        made.append(net)
        return precision.predictor_for(net, device)

    monkeypatch.setattr(jobs, "predictor_for", watched)
    driver = begin()
    driver.until(m.Idle)
    for _ in range(3):
        driver.do(m.SegmentImage("a"))
    assert len(made) == 1
    driver.do(m.Annotate("a", Annotations.of(np.where(toy().paint, 3 - toy().paint, 0))))
    driver.until(m.Idle)
    events = driver.do(m.SegmentImage("a"))
    assert len(made) == 2
    assert np.array_equal(put_together(events, (60, 60)), driver.image((60, 60)))


def test_all_tiles_of_a_segmentation_come_from_the_same_weights(begin, toy, small_tiles):
    small_tiles(20)
    driver = begin()
    driver.until(m.Idle)
    shown = driver.image((60, 60))
    events = driver.do(m.SegmentImage("a"), until=m.Segmented)
    flipped = np.where(toy().paint, 3 - toy().paint, 0)
    events += driver.do(m.Annotate("a", Annotations.of(flipped)))
    assert np.array_equal(put_together(events, (60, 60)), shown)
    assert not np.array_equal(driver.image((60, 60)), shown)


def test_cancel_stops_at_the_next_tile_and_a_new_job_can_begin(begin, small_tiles):
    small_tiles(20)
    driver = begin()
    driver.until(m.Idle)
    driver.do(m.SegmentImage("a"), until=m.Segmented)
    assert not of(m.Segmented, driver.do(m.Cancel("a")))
    assert len(of(m.Segmented, driver.do(m.SegmentImage("a")))) == 9


@pytest.mark.parametrize("replaced", [True, False])
def test_an_image_that_goes_away_ends_its_segmentation(begin, toy, small_tiles, replaced):
    small_tiles(20)
    driver = begin()
    driver.until(m.Idle)
    driver.do(m.Open("b", toy(seed=3).raw))
    driver.do(m.SegmentImage("b"), until=m.Segmented)
    other = 1 + toy(seed=4).raw[:, ::-1]
    events = driver.do(m.Open("b", other) if replaced else m.Close("b"))
    assert not of(m.Segmented, events)
    if replaced:  # and nothing of the old pixels is remembered under the name
        shown = driver.do(m.Look("b", ALL)) and driver.image((60, 60), "b")
        driver.do(m.Open("other name", other), m.Look("other name", ALL))
        assert np.array_equal(shown, driver.image((60, 60), "other name"))


def test_segmenting_needs_an_image_and_a_model(small, begin, toy):
    (refused,) = of(m.Refused, Driver(m.SegmentImage("a")).until(m.Idle))
    assert "choose an image layer first" in refused.sentence
    driver = begin(m.SegmentImage("a"), paint=np.zeros_like(toy().paint))
    (refused,) = of(m.Refused, driver.until(m.Idle))
    assert "no model yet" in refused.sentence


def test_strokes_are_taken_while_segmenting(begin, toy, small_tiles):
    """A job does not keep the painter waiting."""
    small_tiles(10)
    driver = begin()
    driver.until(m.Idle)
    driver.do(m.SegmentImage("a"), until=m.Segmented)
    events = driver.do(m.Annotate("a", Annotations.of(toy().paint[:, ::-1])), until=m.Answered)
    assert len(of(m.Segmented, events)) <= 2


@pytest.fixture
def folder(tmp_path, toy):
    source = tmp_path / "in"
    source.mkdir()
    for name in "abc":
        tifffile.imwrite(source / f"{name}.tif", toy(40, seed=ord(name)).image)
    return source


@pytest.mark.parametrize("own_model", [True, False])
def test_a_folder_is_segmented(begin, folder, tmp_path, model_bytes, quick, own_model):
    """As the settings of the session say."""
    driver = begin() if own_model else Driver()
    driver.until(m.Idle)
    model = b"" if own_model else model_bytes
    events = driver.do(m.SegmentFolder(str(folder), str(tmp_path / "out"), model=model))
    assert [e.error for e in of(m.FileSegmented, events)] == ["", "", ""]
    assert of(m.FolderSegmented, events)[0].written == 3
    found = tifffile.imread(tmp_path / "out" / "a.tif")
    image = tifffile.imread(folder / "a.tif")
    compute = quick().compute if own_model else Compute()
    assert np.array_equal(found, Model.from_bytes(model_bytes).segment(image, compute=compute))


def test_a_folder_can_be_cancelled(begin, folder, tmp_path):
    driver = begin()
    driver.until(m.Idle)
    driver.do(m.SegmentFolder(str(folder), str(tmp_path / "out")), until=m.FileSegmented)
    (end,) = of(m.FolderSegmented, driver.do(m.Cancel()))
    assert (end.written, end.cancelled) == (1, True)


def test_an_image_is_segmented_first_and_the_folder_goes_on_after_it(
    begin, folder, tmp_path, small_tiles
):
    small_tiles(20)
    driver = begin()
    driver.until(m.Idle)
    folder_command = m.SegmentFolder(str(folder), str(tmp_path / "out"))
    driver.do(folder_command, until=m.FileSegmented)
    events = driver.do(m.SegmentImage("a"))
    kinds = [type(e) for e in events if isinstance(e, (m.Segmented, m.FileSegmented))]
    assert kinds == [m.Segmented] * 9 + [m.FileSegmented] * 2
    assert of(m.FolderSegmented, events)[0].written == 3


@pytest.mark.parametrize("stopped", ["", "a", "another"])
def test_cancelling_one_lets_the_other_go_on(begin, folder, tmp_path, small_tiles, stopped):
    small_tiles(20)
    driver = begin()
    driver.until(m.Idle)
    driver.do(m.SegmentFolder(str(folder), str(tmp_path / "out")), until=m.FileSegmented)
    driver.do(m.SegmentImage("a"), until=m.Segmented)
    events = driver.do(m.Cancel(stopped))
    assert len(of(m.Segmented, events)) == (0 if stopped == "a" else 8)
    assert of(m.FolderSegmented, events)[0].cancelled == (stopped == "")


@pytest.mark.parametrize("what", ["no folder", "no model", "bad model"])
def test_a_folder_that_cannot_be_segmented_is_refused(begin, small, folder, tmp_path, what):
    driver = Driver() if what == "no model" else begin()
    driver.until(m.Idle)
    source = tmp_path / "none" if what == "no folder" else folder
    command = m.SegmentFolder(
        str(source), str(tmp_path / "out"), model=b"bad" if what == "bad model" else b""
    )
    (refused,) = of(m.Refused, driver.do(replace(command, run=3)))
    assert refused.sentence.endswith(".")
    assert refused.run == 3
    assert not (tmp_path / "out").exists()


def test_what_is_told_of_a_folder_has_its_number(begin, folder, tmp_path):
    driver = begin()
    driver.until(m.Idle)
    command = m.SegmentFolder(str(folder), str(tmp_path / "out"), run=7)
    events = driver.do(command, until=m.FileSegmented)
    events += driver.do(m.Restore(b"bad"), m.SegmentFolder(str(folder), str(tmp_path / "b"), run=8))
    found = of((m.FolderFound, m.FileAdvanced, m.FileSegmented, m.FolderSegmented), events)
    assert {type(event) for event in found if event.run == 7} >= {m.FolderFound, m.FileSegmented}
    assert [event.run for event in of(m.FolderSegmented, found)] == [8]
    assert [event.run for event in of(m.Refused, events)] == [0]  # that of the bad model


def test_a_folder_that_ends_with_an_error_of_memory_is_told(begin, folder, tmp_path, monkeypatch):
    driver = begin()
    driver.until(m.Idle)
    command = m.SegmentFolder(str(folder), str(tmp_path / "out"), run=7)
    driver.do(command, until=m.FileSegmented)
    monkeypatch.setattr(jobs.Jobs, "work", lambda _: (_ for _ in ()).throw(MemoryError))
    (refused,) = of(m.Refused, driver.do())
    assert refused.run == 7


# -- devices ---------------------------------------------------------------------------------


def test_a_device_that_is_not_there_is_refused(begin, quick, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    driver = begin()
    driver.until(m.Idle)
    (refused,) = of(
        m.Refused, driver.do(m.Configure(CLASSES, changed(quick(), "compute", device="cuda")))
    )
    assert "no cuda device" in refused.sentence
    assert of(m.Trained, driver.do(m.Train(), until=m.Trained))


@pytest.mark.parametrize("training", [True, False])
def test_memory_is_tidied_once_after_an_answer(begin, monkeypatch, training):
    tidied = []
    monkeypatch.setattr(session, "give_back", lambda: tidied.append(len(driver.heard)))
    driver = begin(*([m.Train()] if training else []))
    driver.until(m.Trained if training else m.Idle)
    for _ in range(3):
        driver.next()
    kinds = [type(event) for event in driver.heard]
    assert len(tidied) == 1
    assert m.Predicted in kinds[: tidied[0]], "the user does not wait for it"


def test_memory_is_tidied_when_training_stops(begin, monkeypatch):
    driver = begin(m.Train())
    driver.until(m.Trained)
    tidied = []
    monkeypatch.setattr(session, "give_back", lambda: tidied.append(True))
    for _ in range(3):
        driver.until(m.Trained)
    assert not tidied, "what a step needs, the next one needs, too"
    driver.do(m.Pause())
    assert len(tidied) == 1
