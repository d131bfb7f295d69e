from __future__ import annotations

import logging

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from napari_unet.core import fitting
from napari_unet.core.device import Device
from napari_unet.core.holdout import Split
from napari_unet.core.image import Picture
from napari_unet.core.patches import Patches
from napari_unet.core.prediction import Predictor
from napari_unet.core.presets import start
from napari_unet.core.settings import Settings, changed
from napari_unet.core.unet import UNet

GB = 1 << 30
NET = UNet(1, 2, width=24, depth=4)
CPU = Device("cpu", torch.float32, 1)


@pytest.fixture
def free(monkeypatch):
    """Let so many bytes be free."""

    def have(count):
        monkeypatch.setattr(Device, "free", count)

    return have


def side(**how):
    given = {"net": NET, "features": 84, "grids": NET.grids, "device": CPU, "most": 516}
    return fitting.side_that_fits(**{**given, **how})


def test_with_memory_to_spare_nothing_changes(free):
    free(8 * GB)
    assert side() == 516


@given(free=st.integers(0, 4 * GB), features=st.integers(1, 200))
def test_tiles_fit_or_are_the_smallest_there_are(free, features):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Device, "free", free)
        found = side(features=features)
        need = fitting._tile(NET, features, NET.grids, CPU, found)
        assert need <= free / 2 or found <= NET.grid.stride
        if found < 516:  # and the next larger ones would not have
            assert fitting._tile(NET, features, NET.grids, CPU, 2 * found) > free / 2
        assert 1 <= found <= 516


def test_halved_tiles_begin_where_larger_ones_do(free):
    free(GB // 2)
    assert side() == 258
    assert NET.grid.step(516) == 2 * NET.grid.step(258)


def test_half_the_precision_needs_half_the_memory(free):
    free(GB // 2)
    assert side(device=Device("cpu", torch.bfloat16, 1)) > side()


def test_little_memory_makes_smaller_tiles_and_the_same_labels(small_net, cpu, free, caplog):
    net, picture = small_net(), Picture.of(np.random.default_rng(0).normal(size=(1, 90, 130)))
    free(8 * GB)
    plenty = Predictor(net, cpu)
    free(1 << 18)
    with caplog.at_level(logging.INFO):
        little = Predictor(net, cpu)
    assert "free memory: tiles of" in caplog.text
    assert len(little.tiles(picture)) > len(plenty.tiles(picture)) == 1
    shares = []
    for predictor in (plenty, little):
        shares.append(np.zeros((2, 90, 130)))
        for tile, found in predictor.mean(picture, predictor.blocks(picture), mirrored=False):
            shares[-1][(slice(None), *tile.write)] = found
    np.testing.assert_allclose(*shares, atol=1e-5)


def test_little_memory_makes_thinner_blocks_of_volumes(cpu, free):
    net = start("compact", 1, 2, "random", 1.0)
    picture = Picture.of(np.random.default_rng(0).normal(size=(1, 40, 50, 50)))
    free(8 * GB)
    plenty = Predictor(net, cpu).blocks(picture)
    free(GB // 8)
    little = Predictor(net, cpu).blocks(picture)
    assert len(plenty) == 1
    assert len(little) > 1
    assert sum(tile.write[0].stop - tile.write[0].start for tile in little) >= 40


@pytest.mark.parametrize(("bytes_free", "drawn"), [(64 * GB, 4), (GB, 2), (0, 1)])
def test_batches_fit_into_memory_too(free, caplog, bytes_free, drawn):
    free(bytes_free)
    paint = np.zeros((60, 60), np.uint8)
    paint[5], paint[40] = 1, 2
    picture = Picture.of(np.random.default_rng(0).normal(size=(1, 60, 60)))
    split = Split(paint, np.zeros(paint.shape, bool))
    settings = changed(Settings(), "training", batch=4, patch=148)
    patches = Patches({"a": picture}, {"a": split}, settings, NET)
    with caplog.at_level(logging.INFO):
        patches.fit(NET, CPU)
    assert len(patches.draw(torch.Generator().manual_seed(0), CPU).images) == drawn
    assert ("patches a step" in caplog.text) == (drawn < 4)
