from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_unet.core.image import Picture, as_plane
from napari_unet.core.model import Model
from napari_unet.core.package.network import Packaged
from napari_unet.core.settings import Compute, Settings
from napari_unet.core.unet import UNet


@pytest.mark.parametrize(
    ("channels", "shrink", "mirrors", "original"),
    [(1, 1, True, False), (3, 2, False, False), (1, 1, True, True)],
)
def test_it_says_what_the_model_says(channels, shrink, mirrors, original):
    torch.manual_seed(0)
    side = 2 * (not original)
    net = UNet(channels, 3, width=4, depth=2, norm=not original, side=side, shrink=shrink)
    random = np.random.default_rng(0)
    image = random.integers(0, 200, (61, 70, 3) if channels == 3 else (61, 70), dtype=np.uint8)
    image[20:40, 30:60] //= 3
    compute = Compute(precision="fp32", threads=1, mirrors=mirrors)
    ours = Model.of(net, (), Settings()).segment(image, compute=compute)
    for measured in (True, False):
        network = Packaged(net, mirrors=mirrors, measured=measured).eval()
        h, plane = network.halo, as_plane(image)
        around = ((0, 0), (h, h), (h, h))
        window = (slice(-h, 61 + h), slice(-h, 70 + h))
        seen = (
            np.pad(plane, around, mode="reflect").astype(np.float32)
            if measured
            else Picture.of(plane).read(window)
        )
        with torch.inference_mode():
            found = network(torch.from_numpy(seen)[None])[0, :, h:-h, h:-h].numpy()
        assert np.mean(found.argmax(0) + 1 == ours) > 0.999  # all but pixels on the brink
        np.testing.assert_allclose(found.sum(0), 1, atol=1e-5)


def test_it_measures_like_us():
    network = Packaged(UNet(2, 2, width=4, depth=1), mirrors=False, measured=True)
    h = network.halo
    plane = np.random.default_rng(0).normal(100, 20, (2, 40, 50)).astype(np.float32)
    plane[0, 3, 3] = 1e5
    plane[1] = 7  # nothing to tell apart in this channel
    seen = np.pad(plane, ((0, 0), (h, h), (h, h)), mode="reflect")
    normal = network._normalised(torch.from_numpy(seen)[None])[0, :, h:-h, h:-h].numpy()
    np.testing.assert_allclose(
        normal, Picture.of(plane).read((slice(0, 40), slice(0, 50))), atol=1e-5
    )


@pytest.mark.parametrize("size", [(1, 1), (3, 40), (17, 16)])
def test_it_takes_any_size(size):
    network = Packaged(UNet(1, 2, width=4, depth=2), mirrors=False, measured=False).eval()
    with torch.inference_mode():
        assert network(torch.zeros(2, 1, *size)).shape == (2, 2, *size)


def test_halo_and_step_keep_the_pooling_grid():
    network = Packaged(UNet(1, 2, width=4, depth=4, shrink=2), mirrors=True, measured=True)
    assert network.halo >= network.net.margin
    assert network.halo % network.step == 0
    assert network.step == 32
