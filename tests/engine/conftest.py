"""A session that answers within milliseconds: a small network, exact arithmetic, small tiles."""

from __future__ import annotations

import pytest
import torch

from napari_unet.core import device, prediction
from napari_unet.core.model import Model
from napari_unet.core.presets import start as real_start
from napari_unet.core.settings import Settings, changed
from napari_unet.core.unet import UNet


@pytest.fixture
def exact(monkeypatch):
    """Whatever is faster on this machine, arithmetic is exact."""
    monkeypatch.setattr(device, "_precision", lambda name: torch.float32)


@pytest.fixture
def small(exact, monkeypatch):
    """Networks start small and alike, unless they start from a model."""

    def start(name, channels, classes, init="bundled"):
        if isinstance(init, Model):
            return real_start(name, channels, classes, init)
        torch.manual_seed(0)
        return UNet(channels, classes, width=8, depth=1, norm=True, dropout=0.0)

    monkeypatch.setattr("napari_unet.engine.workbench.start", start)


@pytest.fixture
def small_tiles(monkeypatch):
    """Tiles of so many px."""

    def set_to(output):
        tiles = prediction.Predictor.tiles
        monkeypatch.setattr(
            prediction.Predictor,
            "tiles",
            lambda self, picture, size=output, within=None: tiles(self, picture, size, within),
        )

    return set_to


@pytest.fixture
def quick():
    """Settings whose steps take milliseconds."""

    def make(network="compact", **training):
        wanted = {"patch": 20, "batch": 1, "check_every": 2, "learning_rate": 3e-3, **training}
        settings = changed(changed(Settings(), "training", **wanted), "compute", threads=1)
        settings = changed(settings, "compute", mirrors=False)  # as the live prediction
        return changed(changed(settings, "network", preset=network), "augmentation", elastic=1.5)

    return make
