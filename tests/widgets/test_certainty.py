"""How sure the network was of each pixel's class, beside the layer that shows the classes."""

from __future__ import annotations

import gc

import numpy as np
import pytest
from napari.layers import Image, Labels

from napari_unet.core import image as image_module
from napari_unet.engine import messages as m
from napari_unet.widgets import certainty as module
from napari_unet.widgets import pyramid
from napari_unet.widgets.certainty import SAID, Certainty, certainty_of, keep
from napari_unet.widgets.pyramid import on_disk
from napari_unet.widgets.regions import Region
from napari_unet.widgets.segmenting import ImageSegmenter
from napari_unet.widgets.tiles import TileWriter

WINDOW = (slice(1, 4), slice(2, 6))


def told(shape=(2, 6, 8)):
    """What was said of one plane of two: half sure in a box of class 2."""
    certainty = Certainty(np.zeros(shape, SAID))
    certainty.write((1,), 1, 2, np.full((3, 4), 2, np.uint8), np.full((3, 4), 140, np.uint8))
    return certainty


def test_what_was_said_is_read_again_and_the_rest_is_certain():
    classes = np.full((6, 8), 2, np.uint8)
    whole = told().over(classes, (1,))[slice(None), slice(None)]
    assert whole.dtype == np.uint8
    assert (whole[WINDOW] == 140).all()
    assert (np.delete(whole, [2, 3, 4, 5], axis=1) == 255).all()
    assert (told().over(classes, (0,))[slice(None), slice(None)] == 255).all()


def test_what_is_of_another_class_now_is_certain():
    classes = np.full((6, 8), 2, np.uint8)
    classes[2, 3], classes[2, 4] = 1, 3
    found = told().over(classes, (1,))[WINDOW]
    assert found.tolist() == [[140] * 4, [140, 255, 255, 140], [140] * 4]


def test_a_tile_that_does_not_say_it_makes_it_unknown():
    certainty, labels = told(), np.full((3, 4), 2, np.uint8)
    certainty.write((1,), 1, 2, labels, None)
    assert (certainty.read((1,), WINDOW, labels) == 255).all()


def test_it_is_frozen_while_the_prediction_goes_on():
    certainty, labels = told(), np.full((3, 4), 2, np.uint8)
    before = certainty.frozen()
    certainty.write((1,), 1, 2, labels, labels)
    assert (before.read((1,), WINDOW, labels) == 140).all()
    assert (certainty.read((1,), WINDOW, labels) == 2).all()


def test_what_lies_in_a_file_is_frozen_a_plane_at_a_time(monkeypatch):
    monkeypatch.setattr(pyramid, "_IN_MEMORY", 0)
    certainty, labels = Certainty(pyramid.empty((2, 6, 8), SAID)), np.full((3, 4), 2, np.uint8)
    certainty.write((1,), 1, 2, labels, np.full((3, 4), 140, np.uint8))
    assert certainty.frozen() is certainty  # that would take seconds, and the memory of all of it
    before = certainty.plane((1,))
    certainty.write((1,), 1, 2, labels, labels)
    assert (before.read((), WINDOW, labels) == 140).all()
    assert isinstance(before._said, np.memmap)


def test_it_belongs_to_a_layer_of_its_size_and_goes_with_it():
    layer = Labels(np.zeros((2, 6, 8), np.uint8))
    assert certainty_of(layer) is None
    assert keep(layer, told()) is certainty_of(layer)
    layer.data = np.zeros((2, 9, 9), np.uint8)
    assert certainty_of(layer) is None
    gc.collect()  # layers of other tests
    before = len(module._kept)
    del layer
    gc.collect()
    assert len(module._kept) == before - 1


def test_the_live_prediction_keeps_what_its_tiles_say(qtbot):
    layer = Labels(np.zeros((2, 6, 8), np.uint8))
    writer, labels = TileWriter(layer), np.full((3, 4), 2, np.uint8)
    writer.write((1,), m.Predicted("p", 1, 1, 2, labels), visible=False)
    assert certainty_of(layer) is None  # it takes memory only where it is asked for
    sure = np.full((3, 4), 140, np.uint8)
    writer.write((1,), m.Predicted("p", 2, 1, 2, labels, certainty=sure), visible=False)
    assert (certainty_of(layer).read((1,), WINDOW, labels) == 140).all()
    writer.write((1,), m.Predicted("p", 1, 1, 2, labels), visible=False)  # too late
    assert (certainty_of(layer).read((1,), WINDOW, labels) == 140).all()
    writer.write((1,), m.Predicted("p", 3, 1, 2, labels), visible=False)
    assert (certainty_of(layer).read((1,), WINDOW, labels) == 255).all()
    writer.close()


def test_of_a_volume_each_plane_has_its_own():
    region = Region((0,), deep=True, axis=0, length=5)
    labels, sure = np.full((2, 3, 4), 2, np.uint8), np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    tiles = list(region.flat(m.Predicted("v", 1, 0, 0, labels, z=3, certainty=sure)))
    assert [index for index, _ in tiles] == [(3,), (4,)]
    assert all(np.array_equal(tile.certainty, sure[k]) for k, (_, tile) in enumerate(tiles))
    (_, flat), *_ = region.flat(m.Predicted("v", 1, 0, 0, labels, z=3))
    assert flat.certainty is None


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("volumes", [False, True])
def test_a_segmentation_keeps_it(qtbot, monkeypatch, large, volumes):
    if large:
        monkeypatch.setattr(image_module, "LARGE", 16)
        monkeypatch.setattr(pyramid, "_COARSEST", 4)
    posted, layers = [], []
    segmenter = ImageSegmenter(posted.append)
    segmenter.finished.connect(lambda layer, _: layers.append(layer))
    image = Image(np.arange(96.0).reshape(2, 6, 8))
    segmenter.start([image], ["#ff0000", "#0000ff"], volumes=volumes)
    labels = np.full((2, 6, 8), 2, np.uint8)
    sure = np.arange(96, dtype=np.uint8).reshape(labels.shape)
    parts = [slice(0, 2)] if volumes else [0, 1]
    for number, part in enumerate(parts, start=1):
        qtbot.waitUntil(lambda n=number: planes(posted) == n, timeout=5000)
        plane = posted[-1].plane
        segmenter.take(m.Segmented(plane, 0, 0, labels[part], 96, 96, certainty=sure[part]))
    qtbot.waitUntil(lambda: bool(layers), timeout=5000)
    known = certainty_of(layers[0])
    for z in range(2):
        found = known.over(labels[z], (z,))[slice(None), slice(None)]
        assert np.array_equal(found, sure[z])


def planes(posted):
    return len([command for command in posted if isinstance(command, m.SegmentImage)])


def test_a_large_one_lies_on_the_disk():
    said = on_disk((600, 700), (1, 1), SAID)[0]
    certainty = Certainty(said)
    labels, sure = np.full((90, 80), 2, np.uint8), np.full((90, 80), 77, np.uint8)
    certainty.write((), 500, 500, labels, sure)
    assert certainty.frozen() is certainty
    assert (certainty.read((), (slice(500, 590), slice(500, 580)), labels) == 77).all()
