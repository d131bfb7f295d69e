from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_unet.core.annotations import AnnotationError, Annotations
from napari_unet.core.device import DeviceError
from napari_unet.core.header import ModelError
from napari_unet.core.image import ImageError
from napari_unet.core.model import Model
from napari_unet.core.settings import Settings, changed
from napari_unet.core.unet import UNet
from napari_unet.engine.messages import Annotate, Close, Configure, Open
from napari_unet.engine.workbench import Workbench

TWO, THREE = ("ground", "disk"), ("ground", "disk", "dirt")


@pytest.fixture
def bench(small, quick):
    bench = Workbench(spare=0)
    bench.take(Configure(TWO, quick()))
    return bench


def learnt(bench, case, name="a"):
    """Open the toy, paint, and fit the first answer."""
    bench.take(Open(name, case.raw))
    bench.take(Annotate(name, Annotations.of(case.paint)))
    answer(bench)
    return bench


def answer(bench):
    assert bench.changed
    bench.changed = False
    return bench.trainer.answer()


def model_of(classes=TWO, channels=1, network="compact", width=8):
    torch.manual_seed(1)
    net = UNet(channels, len(classes), width=width, depth=1, norm=True)
    with torch.no_grad():
        net.head.bias[0] += 50  # all is ground
    return Model.of(net, classes, changed(Settings(), "network", preset=network))


# -- classes and settings --------------------------------------------------------------------


@pytest.mark.parametrize("open_first", [True, False])
def test_classes_can_be_added_before_anything_is_painted(bench, toy, quick, open_first):
    if open_first:
        bench.take(Open("a", toy().raw))
    bench.take(Configure(THREE, quick()))
    bench.take(Configure((*THREE, "four"), quick()))
    bench.take(Open("a", toy().raw))
    assert bench.trainer.base.classes == 4
    assert bench.classes == (*THREE, "four")


@pytest.mark.parametrize(
    ("named", "known"),
    [((), ("background", "foreground")), (("ground",), ("ground", "foreground")), (THREE, THREE)],
)
def test_there_are_at_least_two_classes(bench, toy, quick, named, known):
    bench.take(Configure(named, quick()))
    bench.take(Open("a", toy().raw))
    assert bench.classes == known
    assert bench.trainer.base.classes == len(known)


def test_more_classes_than_a_byte_holds_are_refused(bench, quick):
    with pytest.raises(AnnotationError, match="255 classes at most: remove some"):
        bench.take(Configure(tuple(map(str, range(256))), quick()))
    assert bench.classes == TWO


def test_another_class_keeps_what_the_body_has_learnt(bench, toy, quick):
    learnt(bench, toy())
    for _ in range(20):
        bench.trainer.step()
    bench.trainer._top = None
    assert bench.trainer.check().kept
    body = bench.trainer.best.down[0][0].weight.clone()
    generation, held = bench.trainer.generation, bench.trainer.splits["a"].held
    bench.take(Configure(THREE, quick()))
    assert torch.equal(bench.trainer.best.down[0][0].weight, body)
    assert not bench.trainer.answered  # the last layer does not know three classes yet
    assert bench.changed
    answer(bench)
    assert bench.trainer.generation > generation
    assert np.array_equal(bench.trainer.splits["a"].held, held)  # what was judged by is not learnt


@pytest.mark.parametrize("init", ["bundled", "random"])
def test_another_class_does_not_make_a_random_network_a_pretrained_one(exact, toy, quick, init):
    """All layers of a random network learn, whatever becomes of its classes."""
    bench = Workbench(spare=0, init=init)
    bench.take(Configure(TWO, quick()))
    bench.take(Open("a", toy().raw))
    for classes in (THREE, TWO):
        bench.take(Configure(classes, quick()))
        assert bench.trainer.base.pretrained == (init == "bundled")
    again = Model.from_bytes(bench._newest().to_bytes())
    assert again.header.pretrained == again.net.pretrained == (init == "bundled")


def test_renaming_costs_nothing(bench, toy, quick):
    trainer = learnt(bench, toy()).trainer
    bench.take(Configure(("cell", "wall"), quick()))
    assert bench.trainer is trainer
    assert not bench.changed
    assert bench.model().header.classes == ("cell", "wall")


def test_settings_take_effect_without_losing_anything(bench, toy, quick):
    trainer = learnt(bench, toy()).trainer
    bench.take(Configure(TWO, quick(batch=3)))
    assert bench.trainer is trainer
    assert bench.changed
    answer(bench)
    assert len(trainer._patches.draw(trainer.generator, trainer.device).images) == 3


def test_fewer_classes_than_painted_leaves_that_paint_out_and_all_else_in_place(bench, toy, quick):
    case, more = toy(), toy(seed=1)
    bench.take(Configure(THREE, quick()))
    bench.take(Open("b", more.raw))
    bench.take(Annotate("b", Annotations.of(np.where(more.paint == 2, 3, more.paint))))
    learnt(bench, case)
    with pytest.raises(AnnotationError, match="Class 3 is painted"):
        bench.take(Configure(TWO, quick()))
    assert set(bench.trainer.pictures) == {"a", "b"}
    assert bench.trainer.counts[2] == (case.paint == 2).sum()
    assert bench.trainer.counts[3] == 0
    answer(bench)
    bench.take(Annotate("b", Annotations.of(more.paint)))
    assert bench.trainer.counts[2] == (case.paint == 2).sum() + (more.paint == 2).sum()


def test_a_device_that_is_not_there_changes_nothing(bench, quick, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    before = bench.settings
    with pytest.raises(DeviceError):
        bench.take(Configure(THREE, changed(quick(), "compute", device="cuda")))
    assert (bench.settings, bench.classes) == (before, TWO)


def test_another_number_of_threads_keeps_the_weights(bench, toy, quick):
    learnt(bench, toy())
    weight = bench.trainer.predictor.weight.clone()
    bench.take(Configure(TWO, changed(quick(), "compute", threads=2)))
    assert bench.trainer.answered
    assert torch.equal(bench.trainer.predictor.weight, weight)
    assert bench.trainer.device.threads == 2


def test_another_precision_keeps_the_weights_and_is_told(bench, toy, quick):
    learnt(bench, toy())
    weight = bench.trainer.predictor.weight.clone()
    for precision, told in (("bf16", "bfloat16"), ("fp32", "float32")):
        bench.take(Configure(TWO, changed(quick(), "compute", precision=precision)))
        assert torch.equal(bench.trainer.predictor.weight, weight)
        assert bench.model().header.made["precision"] == told
        assert bench.model().header.settings.compute.precision == precision


def test_another_network_starts_anew(bench, toy, quick):
    learnt(bench, toy())
    bench.take(Configure(TWO, quick("paper")))
    assert not bench.trainer.answered
    assert bench.changed


# -- planes ----------------------------------------------------------------------------------


def test_channels_must_agree(bench, toy):
    bench.take(Open("a", toy().raw))
    with pytest.raises(ImageError, match=r"3 channel\(s\), the ones before have 1"):
        bench.take(Open("b", np.random.default_rng(0).random((3, 20, 20))))
    assert set(bench.trainer.pictures) == {"a"}


def test_a_lone_image_may_be_replaced_by_a_colour_image(bench, toy):
    learnt(bench, toy())
    generation = bench.trainer.generation
    bench.take(Open("a", np.random.default_rng(0).random((3, 60, 60))))
    assert bench.trainer.base.in_channels == 3
    assert bench.trainer.generation > generation
    assert not bench.trainer.answered


def test_an_image_of_another_size_takes_the_place_of_the_old_one_and_its_strokes(bench, toy):
    learnt(bench, toy())
    bench.take(Open("a", toy(80).raw))
    assert bench.trainer.pictures["a"].shape == (80, 80)
    assert not bench.trainer.counts.any()
    assert not bench.trainer.ready
    bench.take(Annotate("a", Annotations.of(toy(80).paint)))
    answer(bench)
    assert bench.trainer.ready


def test_new_pixels_of_the_same_size_keep_the_strokes(bench, toy):
    case = toy()
    learnt(bench, case)
    bench.take(Open("a", 1 + case.raw[:, ::-1]))
    assert bench.trainer.counts[2] == (case.paint == 2).sum()
    answer(bench)


def test_strokes_may_come_before_their_image_and_must_fit_it(bench, toy):
    bench.take(Annotate("a", Annotations.of(toy().paint)))
    with pytest.raises(AnnotationError, match="60 × 60 px but the image is 80 × 80 px"):
        bench.take(Open("a", toy(80).raw))
    with pytest.raises(AnnotationError, match="60 × 60 px but the image is 80 × 80 px"):
        bench.take(Annotate("a", Annotations.of(toy().paint)))


def test_a_bad_image_changes_nothing(bench, toy):
    learnt(bench, toy())
    with pytest.raises(ImageError):
        bench.take(Open("a", np.full((1, 60, 60), np.nan)))
    assert bench.trainer.ready


def test_closing_a_painted_plane_learns_anew_from_the_rest(bench, toy):
    learnt(bench, toy(seed=1), "b")
    learnt(bench, toy())
    bench.take(Close("b"))
    assert bench.changed
    assert not bench.trainer.ready
    answer(bench)
    assert bench.trainer.ready


def test_planes_without_paint_disturb_no_training(bench, toy):
    learnt(bench, toy())
    generation = bench.trainer.generation
    bench.take(Open("b", toy(40).raw))
    bench.take(Annotate("b", Annotations((40, 40))))
    bench.take(Close("b"))
    bench.take(Close("never there"))
    assert not bench.changed
    assert bench.trainer.ready
    assert bench.trainer.generation == generation


def test_the_same_paint_again_changes_nothing(bench, toy):
    case = toy()
    learnt(bench, case)
    bench.take(Annotate("a", Annotations.of(case.paint)))
    assert not bench.changed


def test_what_was_learnt_outlives_its_images(bench, toy, quick):
    """Close all, then reset, add a class, or open the next image."""
    learnt(bench, toy())
    weight = bench.trainer.best.down[0][0].weight.clone()
    bench.take(Close("a"))
    assert bench.model().header.classes == TWO
    bench.take(Open("b", toy(seed=1).raw))
    assert bench.trainer.answered
    bench.take(Close("b"))
    bench.take(Configure(THREE, quick()))
    assert torch.equal(bench.trainer.best.down[0][0].weight, weight)
    bench.reset()
    with pytest.raises(ModelError, match="no model yet: paint"):
        bench.model()


# -- the score of new strokes ----------------------------------------------------------------


def test_agreement_is_that_of_new_strokes_with_what_predicted_until_now(bench, toy):
    case = toy()
    learnt(bench, case)
    shown = dict(_labels(bench, "a"))[(0, 0)]
    more = case.paint.copy()
    y, x = np.argwhere((shown == 1) & (case.paint == 0))[0]
    more[y, x] = 1
    assert bench.take(Annotate("a", Annotations.of(more))) == 1
    y, x = np.argwhere((shown == 1) & (more == 0))[0]
    more[y, x] = 2
    assert bench.take(Annotate("a", Annotations.of(more))) == 0


def _labels(bench, plane):
    trainer = bench.trainer
    for tile in trainer.predictor.tiles(trainer.pictures[plane]):
        features = trainer.predictor.features(plane, trainer.pictures[plane], tile)
        yield tuple(w.start for w in tile.write), trainer.predictor.labels(features)


def test_paint_that_is_not_new_says_nothing_of_the_prediction(bench, toy):
    case = toy()
    learnt(bench, case)
    assert bench.take(Annotate("a", Annotations.of(case.paint))) is None
    more = case.paint.copy()
    more[50, 5:8] = 1
    assert bench.take(Annotate("a", Annotations.of(more), seen=True)) is None
    assert bench.take(Open("a", case.raw)) is None


# -- models ----------------------------------------------------------------------------------


def test_a_model_is_a_copy(bench, toy):
    learnt(bench, toy())
    model = bench.model()
    before = model.to_bytes()
    with torch.no_grad():
        bench.trainer.best.head.weight.add_(1)
    assert model.to_bytes() == before
    made = model.header.made
    assert made["painted pixels"] == (toy().paint > 0).sum()
    assert made["planes"] == 1


@pytest.mark.parametrize("opened", ["before", "after", "closed"])
def test_restoring_takes_over_weights_and_names(bench, toy, opened):
    case, model = toy(), model_of(("x", "y", "z"))
    if opened != "after":
        bench.take(Open("a", case.raw))
    if opened == "closed":
        bench.take(Close("a"))
    bench.restore(model)
    if opened != "before":
        bench.take(Open("a", case.raw))
    assert bench.classes == ("x", "y", "z")
    assert bench.trainer.answered
    weight = model.net.head.weight.flatten(1)
    assert torch.equal(bench.trainer.predictor.weight, weight)
    assert bench.model().header.classes == ("x", "y", "z")


def test_restoring_what_does_not_fit_changes_nothing(bench, toy, quick):
    case = toy()
    bench.take(Configure(THREE, quick()))
    learnt(bench, case)
    more = np.where(case.paint == 2, 3, case.paint)
    bench.take(Annotate("a", Annotations.of(more)))
    trainer = bench.trainer
    with pytest.raises(ModelError, match="2 classes but class 3 is painted: erase that paint"):
        bench.restore(model_of())
    with pytest.raises(ImageError, match="3 channels, this image has 1"):
        bench.restore(model_of(THREE, channels=3))
    assert bench.trainer is trainer
    assert bench.classes == THREE


def test_a_restored_model_refuses_other_images(bench, toy):
    bench.restore(model_of(channels=3))
    with pytest.raises(ImageError, match="trained on images of 3 channels, this image has 1"):
        bench.take(Open("a", toy().raw))


def test_a_restored_model_brings_its_own_network(bench, toy, quick):
    """The form still shows another one; that is no wish to throw the model away."""
    bench.take(Open("a", toy().raw))
    bench.restore(model_of(network="paper"))
    weight = bench.trainer.predictor.weight.clone()
    bench.take(Configure(("new", "names"), quick("compact", batch=2)))
    assert bench.settings.network.preset == "paper"
    assert torch.equal(bench.trainer.predictor.weight, weight)
    bench.take(Configure(("new", "names"), quick("paper")))  # it is one already
    assert bench.trainer.answered
    bench.take(Configure(("new", "names"), quick("compact")))  # now the user wants another
    assert not bench.trainer.answered


def test_reset_goes_back_to_what_the_user_chose(bench, toy, quick):
    bench.take(Open("a", toy().raw))
    bench.restore(model_of(network="paper"))
    bench.reset()
    assert bench.settings.network.preset == "compact"
    assert not bench.trainer.answered


def test_a_session_that_starts_from_a_model_keeps_it_whatever_the_settings(small, quick, toy):
    bench = Workbench(spare=0, init=model_of(network="paper"))
    bench.take(Configure(TWO, quick("compact")))
    bench.take(Open("a", toy().raw))
    assert bench.trainer.answered
    assert bench.settings.network.preset == "paper"


def test_random_stays_random_for_another_network(exact, quick, toy, monkeypatch):
    started = []
    monkeypatch.setattr(
        "napari_unet.engine.workbench.start",
        lambda name, channels, classes, init: (
            started.append((name, init)) or UNet(channels, classes, width=2, depth=1)
        ),
    )
    bench = Workbench(spare=0, init="random")
    bench.take(Configure(TWO, quick("paper")))
    bench.take(Open("a", toy().raw))
    assert started == [("paper", "random")]


def test_generations_grow_through_everything(bench, toy, quick):
    seen = []

    def note():
        seen.append(bench.trainer.generation)

    learnt(bench, toy())
    note()
    for change in (
        lambda: bench.reset(),
        lambda: bench.restore(model_of()),
        lambda: bench.take(Configure(THREE, quick())),
        lambda: bench.take(Close("a")),
        lambda: bench.take(Open("b", np.random.default_rng(0).random((1, 30, 30)))),
        lambda: bench.take(Configure(THREE, quick("paper"))),
    ):
        change()
        note()
    assert seen == sorted(seen)
    assert seen[-1] >= seen[0] + 4


# -- where training began --------------------------------------------------------------------


def told(bench):
    made = bench.model().header.made
    return made["begun with"], made.get("parent")


def test_a_model_tells_what_it_began_with(bench, toy, quick):
    model = learnt(bench, toy()).model()
    assert told(bench) == ("random weights", None)  # the small network has none that are bundled
    assert model.header.made["seconds"] >= 0
    parent = model_of()
    parent.name = "cells.safetensors"
    bench.restore(parent)
    assert told(bench) == ("a model", "cells.safetensors")
    assert (
        bench.model().header.made["parent checksum"] == Model.from_bytes(parent.to_bytes()).checksum
    )
    bench.take(Configure(THREE, quick()))  # goes on from its own weights
    answer(bench)
    assert told(bench) == ("a model", "cells.safetensors")
    bench.reset()
    answer(bench)
    assert told(bench) == ("random weights", None)


def test_a_copy_of_its_own_weights_is_no_other_model(bench, toy):
    learnt(bench, toy())
    for _ in range(3):
        bench.trainer.step()
    copy = Model.from_bytes(bench.model().to_bytes())
    bench.restore(copy, own=True)
    bench.changed = False
    bench.trainer.answer()
    bench.trainer.step()
    made = bench.model().header.made
    assert made["begun with"] == "random weights"
    assert made["steps"] == 4
    assert made["seconds"] > copy.header.made["seconds"]


def test_planes_that_are_only_judged_by_are_noted_so(bench, toy):
    learnt(bench, toy())
    bench.take(Open("b", toy().raw))
    bench.take(Annotate("b", Annotations.of(toy().paint), aside=True))
    images = bench.model().header.material.images
    assert [image.aside for image in images] == [False, True]
    assert bench.model().header.material.painted == images[0].painted
