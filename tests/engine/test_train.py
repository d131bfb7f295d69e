"""The public way to train without a window, with the real network."""

from __future__ import annotations

import time

import msgspec
import numpy as np
import pytest
import torch
from scipy import ndimage as ndi
from skimage import data, filters
from skimage.segmentation import watershed

from napari_unet import Model, load, train
from napari_unet.core.annotations import AnnotationError
from napari_unet.core.header import ModelError
from napari_unet.core.image import ImageError
from napari_unet.core.settings import Settings, changed
from napari_unet.core.training import Trainer
from napari_unet.engine.limit import Limit
from napari_unet.engine.messages import Answered, Idle, Judged, Ready, Rested, Trained
from napari_unet.engine.train import TrainingError


@pytest.fixture
def run(small, toy, quick):
    """Train on the toy with a small network for two steps, unless told otherwise."""

    def go(images=None, annotations=None, **options):
        case = toy()
        if not {"seconds", "steps"} & options.keys():
            options["steps"] = 2
        options.setdefault("settings", quick())
        return train(
            [case.image] if images is None else images,
            [case.paint] if annotations is None else annotations,
            **options,
        )

    return go


def heard_by(run, **options):
    heard = []
    model = run(report=heard.append, **options)
    return model, heard


def of(kind, events):
    return [e for e in events if isinstance(e, kind)]


# -- when it stops ---------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [0, 1, 5])
def test_steps_bound_the_training(run, steps):
    model, heard = heard_by(run, steps=steps)
    assert [e.step for e in of(Trained, heard)] == list(range(1, steps + 1))
    assert of(Answered, heard)
    assert model.header.made["steps"] == steps


def test_paint_that_is_only_judged_by_is_not_learnt_from(run, toy):
    case, wrong = toy(), toy().paint.copy()
    wrong[case.paint == 1], wrong[case.paint == 2] = 2, 1
    model = run([case.image] * 2, [case.paint, wrong], aside=[False, True], steps=0)
    assert model.header.made["painted pixels"] == (case.paint > 0).sum()
    assert model.header.material.score < 0.5
    with pytest.raises(TrainingError, match="aside says of 1"):
        run([case.image] * 2, [case.paint, wrong], aside=[True])


def test_seconds_bound_the_training(run, quick):
    before = time.monotonic()
    _, heard = heard_by(run, seconds=1.5, settings=quick(patience=1000))
    assert 1.4 < time.monotonic() - before < 8
    assert len(of(Trained, heard)) > 2


def test_the_first_answer_is_waited_for_however_short_the_time(run):
    model, heard = heard_by(run, seconds=0)
    assert of(Answered, heard)
    assert not of(Trained, heard)
    assert set(np.unique(model.segment(np.random.default_rng(0).normal(size=(30, 30))))) <= {1, 2}


def test_whichever_comes_first(run):
    assert len(of(Trained, heard_by(run, seconds=60, steps=3)[1])) == 3


def test_it_ends_by_itself_when_nothing_gets_better(run, quick):
    settings = quick(patience=1, learning_rate=0.1, averaging=0)
    _, heard = heard_by(run, seconds=60, settings=settings)
    assert isinstance(heard[-1], Rested)


def test_seconds_are_not_overrun_by_a_slow_step_or_the_last_judgement(run, quick, monkeypatch):
    """A step takes 0.5 s and a check 1 s: after two steps of 3 s no further one has the time."""
    from napari_unet.core.training import Trainer

    for name, seconds in (("step", 0.5), ("check", 1.0)):
        real = getattr(Trainer, name)
        monkeypatch.setattr(Trainer, name, lambda self, r=real, s=seconds: time.sleep(s) or r(self))
    heard = []

    def report(event):
        heard.append((time.monotonic(), event))

    run(seconds=4, settings=quick(check_every=1), report=report)
    began = next(when for when, event in heard if isinstance(event, Ready))
    events = [event for _, event in heard]
    assert heard[-1][0] - began < 4
    assert len(of(Trained, events)) in {1, 2}


def test_limits():
    assert Limit(None, 5).reached(0, 0, 5)
    assert not Limit(None, 5).reached(1e6, 1e6, 4)
    assert Limit(10, None).reached(10, 0, 0)
    assert Limit(10, None).reached(8, 3, 0)
    assert not Limit(10, None).reached(6, 3, 10**6)


def test_what_of_a_budget_is_used_up():
    assert Limit(None, 10).spent(1e6, 4) == 0.4
    assert Limit(10, None).spent(3, 10**6) == 0.3
    assert Limit(10, 100).spent(3, 60) == 0.6
    assert Limit(10, None).spent(12, 0) == 1
    assert Limit(None, None).spent(12, 5) == 0


@pytest.mark.parametrize(
    ("schedule", "wanted"), [("falling", [0, 0.25, 0.5, 0.75]), ("steady", [0, 0, 0, 0])]
)
def test_the_rate_falls_with_the_steps_only_on_request(run, quick, monkeypatch, schedule, wanted):
    step, seen = Trainer.step, []

    def spied(trainer):
        seen.append(trainer.spent)
        return step(trainer)

    monkeypatch.setattr(Trainer, "step", spied)
    run(steps=4, settings=changed(quick(), "training", schedule=schedule))
    assert seen == wanted


# -- what comes out --------------------------------------------------------------------------


def test_report_hears_all_there_is_to_say(run):
    _, heard = heard_by(run, steps=5)
    assert isinstance(heard[0], Ready)
    judged = of(Judged, heard)  # the first answer, every two steps, and at last the fifth
    assert [e.step for e in judged] == [0, 2, 4, 5]
    assert heard[-1] is judged[-1]
    assert not of(Idle, heard)


def test_the_last_steps_are_not_in_vain(run, quick):
    """The time ends between two checks."""
    settings = quick(held_out=0, check_every=100)
    first, trained = (run(steps=n, settings=settings).to_bytes() for n in (0, 3))
    assert first != trained
    one, two = (Model.from_bytes(b).net.head.weight for b in (first, trained))
    assert not torch.equal(one, two)


def test_a_seeded_run_reproduces_itself(run, quick):
    weights = []
    for seed in (3, 3, 4):
        model = run(steps=4, settings=quick(seed=seed, held_out=0))
        weights.append(model.net.state_dict())
    assert all(torch.equal(weights[0][k], weights[1][k]) for k in weights[0])
    assert not all(torch.equal(weights[0][k], weights[2][k]) for k in weights[0])


@pytest.mark.parametrize(
    ("given", "known"),
    [
        (None, ("class 1", "class 2")),
        (("ground", "disk"), ("ground", "disk")),
        (["ground", "disk", "dirt"], ("ground", "disk", "dirt")),
    ],
)
def test_class_names(run, given, known):
    model = run(classes=given)
    assert model.header.classes == known
    assert model.header.made["precision"] == "float32"
    assert model.header.shape.classes == len(known)


def test_gaps_between_classes_are_allowed(run, toy):
    case = toy()
    model = run(annotations=[np.where(case.paint == 2, 4, case.paint)])
    assert model.header.shape.classes == 4
    assert set(np.unique(model.segment(case.image))) == {1, 4}


def test_several_images(run, toy):
    one, two = toy(), toy(50, seed=1)
    model = run([one.image, two.image], [one.paint, two.paint])
    assert model.header.made["planes"] == 2
    assert model.header.made["painted pixels"] == sum((c.paint > 0).sum() for c in (one, two))


def test_colour_images_and_other_types(run, toy):
    case = toy()
    image = np.stack([case.image, case.image / 2, case.image], -1).astype(np.uint16)
    model = run([image], [case.paint.astype(np.int64)])
    assert model.header.shape.in_channels == 3
    assert model.segment(image).shape == (60, 60)


# -- what it starts from ---------------------------------------------------------------------


def test_a_model_or_its_path_goes_on_with_names_and_network(run, toy, tmp_path, quick):
    first = run(classes=("ground", "disk", "dirt"))
    first.save(tmp_path / "first.safetensors")
    for init in (first, tmp_path / "first.safetensors", str(tmp_path / "first.safetensors")):
        model = run(init=init, steps=0, settings=quick("paper"))
        assert model.header.classes == ("ground", "disk", "dirt")
        assert model.header.settings.network.preset == "compact"
        assert torch.equal(model.net.down[0][0].weight, first.net.down[0][0].weight)


def test_bundled_and_random_are_passed_on(exact, toy, quick, monkeypatch, small_real):
    for init in ("bundled", "random"):
        train([toy().image], [toy().paint], steps=0, init=init, settings=quick())
    assert small_real == ["bundled", "random"]


@pytest.fixture
def small_real(small, monkeypatch):
    from napari_unet.engine import workbench

    seen, start = [], workbench.start
    monkeypatch.setattr(workbench, "start", lambda *a: seen.append(a[3]) or start(*a))
    return seen


# -- what is refused -------------------------------------------------------------------------

OK = np.random.default_rng(0).normal(size=(20, 20))
TWO = np.zeros((20, 20), np.uint8)
TWO[2, 2:9], TWO[9, 2:9] = 1, 2


@pytest.mark.parametrize(
    ("images", "annotations", "options", "error", "sentence"),
    [
        ([OK, OK], [TWO], {}, TrainingError, "2 images and 1 annotations: give one annotation for"),
        ([], [], {}, TrainingError, "0 images and 0 annotations"),
        ([OK], [TWO[:, :9]], {}, AnnotationError, "20 × 9 px but the image is 20 × 20 px: paint"),
        ([OK], [np.zeros_like(TWO)], {}, AnnotationError, "Nothing is painted yet: paint a stroke"),
        ([OK], [TWO > 1], {}, AnnotationError, "hold bool values; save them as whole numbers"),
        ([OK], [np.where(TWO == 2, TWO, 0)], {}, AnnotationError, "Only class 2 is painted"),
        ([OK], [TWO.astype(int) * 200], {}, AnnotationError, "classes go from 1 to 255"),
        ([OK], [TWO.astype(int) - 1], {}, AnnotationError, "value -1"),
        ([OK], [TWO.astype(float)], {}, AnnotationError, "save them as whole numbers"),
        ([OK], [TWO], {"classes": ("one",)}, TrainingError, "Class 2 is painted but only 1 class"),
        ([OK], [TWO], {"classes": ["x"] * 256}, TrainingError, "255 classes at most"),
        ([OK * np.nan], [TWO], {}, TrainingError, "not numbers"),
        ([OK * 0], [TWO], {}, TrainingError, "same value"),
        ([OK[None, None]], [TWO], {}, ImageError, "not a single plane"),
        ([np.zeros((0, 5))], [np.zeros((0, 5), int)], {}, ImageError, "no pixels"),
        ([OK, np.stack([OK] * 3, -1)], [TWO, TWO], {}, TrainingError, "one network learns from"),
        ([OK], [TWO], {"init": "none.safetensors"}, ModelError, "cannot be read"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_with_what_to_do(run, images, annotations, options, error, sentence):
    with pytest.raises(error, match=sentence):
        run(images, annotations, **options)


def test_a_device_that_is_not_there(run, quick, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(TrainingError, match="no cuda device on this machine"):
        run(settings=changed(quick(), "compute", device="cuda"))


def test_a_model_of_other_channels(run):
    model = run()
    colour = np.random.default_rng(0).random((60, 60, 3))
    with pytest.raises(TrainingError, match="trained on images of 1 channel, this image has 3"):
        run([colour], init=model)


def test_settings_out_of_bounds_name_the_setting():
    with pytest.raises(msgspec.ValidationError, match="patch"):
        changed(Settings(), "training", patch=3)


# -- does it learn? --------------------------------------------------------------------------


def coins_and_truth():
    """The coins of scikit-image, and where they are by its tutorial's watershed: 1 and 2."""
    image = data.coins()
    markers = np.zeros(image.shape, int)
    markers[image < 30], markers[image > 150] = 1, 2
    found = watershed(filters.sobel(image), markers) == 2
    found = ndi.binary_opening(ndi.binary_fill_holes(found), iterations=4)
    return image, found.astype(np.uint8) + 1


STROKES = {  # (y0, y1, x0, x1): three on the table, one on each of four of the 24 coins
    1: [(14, 17, 20, 290), (86, 89, 20, 290), (222, 225, 20, 290)],
    2: [(50, 53, 35, 55), (120, 123, 95, 112), (190, 194, 140, 165), (258, 262, 160, 185)],
}


def test_coins_are_found_from_a_few_strokes(exact, tmp_path, quick):
    """The bundled network, some steps, and coins nobody painted; the saved file says the same."""
    image, truth = coins_and_truth()
    paint = np.zeros(image.shape, np.uint8)
    for number, boxes in STROKES.items():
        for y0, y1, x0, x1 in boxes:
            assert (truth[y0:y1, x0:x1] == number).all()
            paint[y0:y1, x0:x1] = number
    settings = changed(quick(), "training", patch=84, batch=2, check_every=5)
    model = train([image], [paint], classes=("table", "coin"), steps=10, settings=settings)
    found = model.segment(image)
    unpainted = paint == 0
    for number in (1, 2):
        a, b = (found == number) & unpainted, (truth == number) & unpainted
        assert (a & b).sum() / (a | b).sum() > 0.75, number
    model.save(tmp_path / "coins.safetensors")
    assert np.array_equal(load(tmp_path / "coins.safetensors").segment(image), found)
