"""A device whose results do not depend on the machine, a small network, and a toy to learn."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from napari_unet.core.device import Device
from napari_unet.core.image import Picture
from napari_unet.core.unet import UNet


@pytest.fixture
def cpu():
    torch.set_num_threads(1)  # two that wait for each other on a busy machine are far slower
    return Device("cpu", torch.float32, 1)


@pytest.fixture
def small_net():
    """A network of margin 20 px and stride 4 px with seeded weights."""

    def make(channels=1, classes=2, *, norm=True, seed=0, width=4, depth=2):
        torch.manual_seed(seed)
        net = UNet(channels, classes, width=width, depth=depth, norm=norm, dropout=0.0)
        with torch.no_grad():
            for name, buffer in net.named_buffers():
                if name.endswith("running_var"):
                    buffer.uniform_(0.5, 1.5)
                if name.endswith("running_mean"):
                    buffer.normal_(0, 0.1)
            found = net.eval().features(torch.randn(1, channels, *[net.grid.input(9)] * 2))
        assert (found.std((0, 2, 3)) > 0.01).sum() > 1  # enough of it is alive to tell things apart
        return net.train()

    return make


@pytest.fixture
def toy():
    """Bright disks on dark ground with noise; a few strokes of ground (1) and disks (2)."""

    def make(size=60, seed=0):
        y, x = np.mgrid[:size, :size]
        truth = np.ones((size, size), np.uint8)
        for cy, cx in ((0.27, 0.27), (0.27, 0.73), (0.73, 0.27), (0.73, 0.73)):
            truth[np.hypot(y - cy * size, x - cx * size) < 0.15 * size] = 2
        noise = np.random.default_rng(seed).normal(0, 8, truth.shape)
        image = np.where(truth == 2, 150, 70) + noise
        paint = np.zeros_like(truth)
        third = round(0.27 * size)
        paint[2:4, 5:-5] = 1
        paint[size // 2, 5 : size // 2] = 1
        paint[third - 1 : third + 1, third - 5 : third + 6] = 2
        paint[-third, third - 4 : third + 5] = 2
        assert (truth[paint > 0] == paint[paint > 0]).all()
        raw = image[None].astype(np.float32)
        return SimpleNamespace(raw=raw, picture=Picture.of(raw), paint=paint, truth=truth)

    return make
