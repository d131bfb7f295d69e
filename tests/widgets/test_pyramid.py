from __future__ import annotations

import gc
import json
from pathlib import Path

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_unet.core import image as image_module
from napari_unet.widgets import pyramid
from napari_unet.widgets.pyramid import blank, empty, on_disk, write


@pytest.fixture
def low_limit(monkeypatch):
    monkeypatch.setattr(image_module, "LARGE", 1 << 10)
    monkeypatch.setattr(pyramid, "_COARSEST", 16)


def test_small_planes_are_arrays_and_large_ones_levels(low_limit):
    assert blank((4, 30, 30)).shape == (4, 30, 30)
    assert [level.shape for level in blank((2, 50, 61))] == [(2, 50, 61), (2, 25, 31), (2, 13, 16)]


def test_a_large_stack_takes_no_memory(monkeypatch):
    monkeypatch.setattr(pyramid, "_IN_MEMORY", 1 << 10)
    stack = empty((50, 40, 40))
    assert isinstance(stack, np.memmap)
    assert not stack.any()
    stack[3, 5, 5] = 7
    assert stack.sum() == 7
    assert type(empty((4, 4))) is np.ndarray


@settings(deadline=None)
@given(st.data())
def test_levels_show_every_other_row_and_column(data):
    shape = (data.draw(st.integers(20, 70)), data.draw(st.integers(20, 70)))
    truth = np.zeros(shape, np.uint8)
    levels = [np.zeros((2, -(-shape[0] // s), -(-shape[1] // s)), np.uint8) for s in (1, 2, 4)]
    for number in range(1, 4):
        y, x = data.draw(st.integers(0, shape[0] - 1)), data.draw(st.integers(0, shape[1] - 1))
        height = data.draw(st.integers(1, shape[0] - y))
        width = data.draw(st.integers(1, shape[1] - x))
        tile = np.full((height, width), number, np.uint8)
        truth[y : y + height, x : x + width] = tile
        assert write(levels, (1,), y, x, tile)
    for level, step in zip(levels, (1, 2, 4), strict=True):
        assert np.array_equal(level[1], truth[::step, ::step])
        assert not level[0].any()


@pytest.mark.parametrize("place", [(8, 0), (0, 8)])
def test_what_reaches_outside_is_left_out(place):
    for data in (np.zeros((10, 10), np.uint8), [np.zeros((10, 10), np.uint8)]):
        assert not write(data, (), *place, np.ones((3, 3), np.uint8))
        assert not np.any(data)


def test_on_disk_it_is_an_ome_zarr_image_that_goes_with_its_last_user(low_limit):
    levels = on_disk((2, 50, 60), (3.0, 0.5, 0.25))
    folder = Path(levels[0].store.root)
    assert write(levels, (1,), 0, 10, np.full((50, 20), 2, np.uint8))
    group = zarr.open_group(folder, mode="r")
    assert np.array_equal(np.unique(group["0"][1, :, 10:30]), [2])
    assert group["1"][1, 0, 5] == 2
    said = json.loads((folder / ".zattrs").read_text())["multiscales"][0]
    assert [axis["name"] for axis in said["axes"]] == ["z", "y", "x"]
    scales = [d["coordinateTransformations"][0]["scale"] for d in said["datasets"]]
    assert scales[:2] == [[3.0, 0.5, 0.25], [3.0, 1.0, 0.5]]
    del levels, group
    gc.collect()
    assert not folder.exists()
