from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from napari_unet.cli.parser import build_parser, check, chosen_settings
from napari_unet.core.commands import Selection, segment_command, train_command
from napari_unet.core.header import FORMAT, Header, ModelError, Shape
from napari_unet.core.lineage import continued, descended
from napari_unet.core.model import Model
from napari_unet.core.objects_settings import ObjectSettings
from napari_unet.core.recipe import Recipe
from napari_unet.core.settings import Compute, Settings, changed, declared
from napari_unet.core.unet import UNet


def parsed(line):
    parser = build_parser()
    options = parser.parse_args(shlex.split(line)[1:])
    check(parser, options)
    return options


def header(made, *, pretrained=True):
    shape = Shape(1, 2, 24, 4, 2, norm=True)
    return Header(FORMAT, "napari-unet-live 1.2.3", shape, made=made, pretrained=pretrained)


def line(made, begun=Path("missing"), settings=Settings(), **more):  # noqa: B008
    return train_command(
        Path("my project"), header(made, **more), settings, "model.safetensors", begun
    )


def test_training_is_repeated_with_all_settings():
    settings = changed(Settings(), "training", patch=64, seed=3)
    settings = changed(settings, "compute", mirrors=False)
    options = parsed(line({"steps": 30}, settings=settings))
    assert options.project == Path("my project")
    assert options.steps == 30
    assert options.init == "bundled"
    assert chosen_settings(options) == settings


def test_a_first_answer_is_repeated_without_a_step():
    assert parsed(line({"steps": 0})).steps == 0


def test_random_weights_are_begun_with_again():
    assert parsed(line({"steps": 3, "begun with": "random weights"})).init == "random"
    assert parsed(line({"steps": 3}, pretrained=False)).init == "random"


def test_a_model_that_was_loaded_is_begun_with_again(tmp_path):
    net = UNet(1, 2, width=4, depth=1, norm=True)
    model, kept = Model.of(net, ("a", "b"), Settings()), tmp_path / "a model.safetensors"
    made = {"steps": 3, **descended("cells.safetensors", model.checksum, {}).told}
    with pytest.raises(ModelError, match="of which the project has no copy"):
        line(made, kept)
    model.save(kept)
    assert parsed(line(made, kept)).init == str(kept)
    with pytest.raises(ModelError, match="no copy"):
        line({**made, "parent checksum": "another"}, kept)
    assert parsed(line({"steps": 5, **continued(made).told}, kept)).init == str(kept)


def test_segmenting_is_repeated():
    objects = ObjectSettings()
    recipe = Recipe(("objects", "measurements"), "ome-zarr", (2, 1), (2,), objects)
    options = parsed(
        segment_command(Selection("in", "out", "*_1.tif", deep=True), "a b.safetensors", recipe)
    )
    assert (options.outputs, options.format) == (recipe.kinds, recipe.format)
    assert (options.channels, options.objects_of) == (recipe.channels, recipe.of)
    assert options.recursive
    assert options.pattern == "*_1.tif"
    assert str(options.model) == "a b.safetensors"


def test_segmenting_is_repeated_with_the_same_arithmetic():
    assert "--no-mirrors" not in segment_command(Selection("in", "out"), "a.safetensors")
    others = {"cpu", "fp32", False, 3}
    compute = Compute("cpu", mirrors=False, precision="fp32", accelerate=False, threads=3)
    assert {knob.default for knob in declared(compute)} == others  # none is forgotten
    options = parsed(segment_command(Selection("in", "out"), "a.safetensors", compute=compute))
    assert chosen_settings(options).compute == compute
