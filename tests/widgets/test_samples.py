from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from npe2 import PluginManifest

from napari_unet.widgets import samples


@pytest.fixture(params=["open_stained_tissue", "open_cell", "open_vessels", "open_touching_cells"])
def layers(request):
    return getattr(samples, request.param)()


def test_napari_takes_the_layers(layers):
    viewer = ViewerModel()
    for data, options, kind in layers:
        getattr(viewer, f"add_{kind}")(data, **options)
    image, *_, strokes = viewer.layers
    assert strokes.name == f"{image.name} strokes"
    assert strokes.data.shape == image.data.shape[:2]
    assert strokes.data.dtype == np.uint8
    assert strokes.metadata["napari-unet"] == "strokes"
    assert len(strokes.metadata["classes"]) == strokes.data.max()


def test_strokes_can_be_painted_on_and_do_not_last(layers):
    strokes = layers[-1][0]
    strokes[0, 0] = 2
    assert strokes.flags.writeable


def test_the_drawn_cells_bring_their_truth():
    (_, truth, _) = samples.open_touching_cells()
    assert truth[1]["name"] == "touching cells truth"
    assert truth[1]["visible"] is False


def test_every_sample_of_the_manifest_opens():
    manifest = PluginManifest.from_distribution("napari-unet-live")
    commands = {command.id: command for command in manifest.contributions.commands}
    found = [commands[sample.command].python_name for sample in manifest.contributions.sample_data]
    names = {name.split(":")[1] for name in found}
    assert names == {name for name in dir(samples) if name.startswith("open_")}
    assert all(name.startswith("napari_unet.widgets.samples:") for name in found)
