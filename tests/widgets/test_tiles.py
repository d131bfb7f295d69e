from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image, Labels

from napari_unet.engine.messages import Predicted
from napari_unet.widgets.tiles import TileWriter


@pytest.fixture
def layer():
    return Labels(np.zeros((3, 40, 50), np.uint8))


@pytest.fixture
def writer(layer, qtbot):
    writer = TileWriter(layer)
    yield writer
    writer.close()


def tile(generation, value, y=0, x=0, size=10, overlay=None):
    labels = np.full((size, size), value, np.uint8)
    return Predicted("p", generation, y, x, labels, overlay)


def test_a_tile_lands_in_its_place(writer, layer):
    assert writer.write((1,), tile(1, 2, 10, 20), visible=True)
    assert (layer.data[1, 10:20, 20:30] == 2).all()
    assert np.count_nonzero(layer.data) == 100


def test_an_older_generation_never_overwrites(writer, layer):
    writer.write((0,), tile(5, 2), visible=True)
    assert not writer.write((0,), tile(4, 1), visible=True)
    assert (layer.data[0, :10, :10] == 2).all()


def test_planes_have_generations_of_their_own(writer):
    writer.write((0,), tile(5, 2), visible=True)
    assert writer.write((1,), tile(4, 1), visible=True)


def test_a_newer_generation_blanks_nothing(writer, layer):
    writer.write((0,), tile(1, 1, 20, 20), visible=True)
    writer.write((0,), tile(2, 2), visible=True)
    assert (layer.data[0, 20:30, 20:30] == 1).all()


def test_a_new_engine_counts_from_the_start(writer):
    writer.write((0,), tile(9, 2), visible=True)
    writer.forget_generations()
    assert writer.write((0,), tile(1, 1), visible=True)


def test_a_tile_of_an_image_that_was_replaced_is_dropped(writer, layer):
    assert not writer.write((0,), tile(1, 1, 35, 45), visible=True)
    assert not layer.data.any()


def test_many_tiles_make_few_refreshes_and_the_last_is_not_lost(writer, layer, qtbot):
    drawn = []
    layer.events.set_data.connect(lambda: drawn.append(layer.data.copy()))
    for value in range(1, 31):
        writer.write((0,), tile(value, value), visible=True)
    qtbot.wait(300)
    assert 1 <= len(drawn) <= 4
    assert (drawn[-1][0, :10, :10] == 30).all()


def test_the_thumbnail_follows(writer, layer, qtbot):
    before = layer.thumbnail.copy()
    writer.write((0,), tile(1, 1, size=40), visible=True)
    np.testing.assert_array_equal(layer.thumbnail, before)  # later, as it takes time
    qtbot.waitUntil(lambda: (layer.thumbnail != before).any(), timeout=5000)


def test_what_is_out_of_view_is_not_drawn(writer, layer, qtbot):
    drawn = []
    layer.events.set_data.connect(lambda: drawn.append(1))
    writer.write((2,), tile(1, 1), visible=False)
    qtbot.wait(200)
    assert drawn == []
    assert layer.data[2].any()


def test_probabilities_go_into_their_own_layer(writer, layer, qtbot):
    image = Image(np.zeros(layer.data.shape, np.uint8), contrast_limits=(0, 255))
    writer.show_overlay(image)
    writer.write((0,), tile(1, 1, overlay=np.full((10, 10), 77, np.uint8)), visible=True)
    assert (image.data[0, :10, :10] == 77).all()
    writer.show_overlay(None)
    writer.write((0,), tile(1, 1, overlay=np.full((10, 10), 99, np.uint8)), visible=True)
    assert image.data.max() == 77
