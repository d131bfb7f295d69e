from __future__ import annotations

import shlex
from pathlib import Path

from napari_unet.cli.parser import build_parser, check, chosen_settings
from napari_unet.core.commands import segment_command, train_command
from napari_unet.core.objects_settings import ObjectSettings
from napari_unet.core.recipe import Recipe
from napari_unet.core.settings import Settings, changed


def parsed(line):
    parser = build_parser()
    options = parser.parse_args(shlex.split(line)[1:])
    check(parser, options)
    return options


def test_training_is_repeated_with_all_settings():
    settings = changed(Settings(), "training", patch=64, seed=3)
    settings = changed(settings, "compute", mirrors=False)
    options = parsed(train_command(Path("my project"), 30, settings, "model.safetensors"))
    assert options.project == Path("my project")
    assert options.steps == 30
    assert chosen_settings(options) == settings


def test_segmenting_is_repeated():
    objects = ObjectSettings()
    recipe = Recipe(("objects", "measurements"), "ome-zarr", (2, 1), (2,), objects)
    options = parsed(segment_command("in", "out", "a b.safetensors", recipe, "*_1.tif", deep=True))
    assert (options.outputs, options.format) == (recipe.kinds, recipe.format)
    assert (options.channels, options.objects_of) == (recipe.channels, recipe.of)
    assert options.recursive
    assert options.pattern == "*_1.tif"
    assert str(options.model) == "a b.safetensors"
