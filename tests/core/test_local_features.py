"""Features that are read from the image itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage as ndi

from napari_unet.core.local_features import MARGIN, SCALES, count_local, local_features

SIZE = torch.Size((9, 14))


def around(size):
    """With the margin that the features of so many pixels need."""
    return tuple(n + 2 * MARGIN for n in size)


def features(images, size=SIZE):
    found = local_features(torch.from_numpy(images), size).numpy()
    return found.reshape(len(images), len(SCALES), -1, *size)


def test_they_are_gaussian_means_their_products_and_slopes():
    images = np.random.default_rng(0).normal(size=(2, 2, *around(SIZE)))
    found = features(images)
    inner = (..., *(slice(MARGIN, MARGIN + n) for n in SIZE))
    gain = None
    for number, sigma in enumerate(SCALES):
        smooth = ndi.gaussian_filter(images, (0, 0, sigma, sigma), truncate=3)
        first, second = smooth[:, 0], smooth[:, 1]
        slope = max(sigma, 1) * np.hypot(*np.gradient(smooth, axis=(2, 3)))
        products = [first * first, first * second, second * second]
        wanted = np.concatenate([smooth, np.stack(products, axis=1).clip(-4, 4), slope], axis=1)[
            inner
        ]
        gain = gain or float(found[0, 0, 0, 0, 0] / wanted[0, 0, 0, 0])
        assert np.allclose(found[:, number], gain * wanted)


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
@pytest.mark.parametrize("size", [SIZE, torch.Size((3, 5, 4))])
def test_there_are_as_many_as_counted(channels, size):
    images = torch.randn(2, channels, *size[:-2], *around(size[-2:]))
    assert local_features(images, size).shape == (2, count_local(channels), *size)


def test_slices_of_volumes_have_each_their_own():
    volume = torch.randn(2, 3, 4, *around(SIZE))
    found = local_features(volume, torch.Size((2, *SIZE)))
    for z in (0, 1):
        torch.testing.assert_close(found[:, :, z], local_features(volume[:, :, z + 1], SIZE))


def test_what_lies_further_away_changes_nothing():
    images = torch.randn(1, 1, *around((21, 21)))
    wanted = local_features(images, torch.Size((1, 1)))
    far = images.clone()
    far[..., :10, :] = far[..., -10:, :] = far[..., :10] = far[..., -10:] = 99
    assert torch.equal(local_features(far, torch.Size((1, 1))), wanted)


def test_half_precision_comes_back_as_it_was():
    images = torch.randn(1, 3, *around(SIZE))
    found = local_features(images.bfloat16(), SIZE)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(
        found.float(), local_features(images.bfloat16().float(), SIZE), rtol=0.01, atol=0.01
    )


def test_training_in_half_precision_sees_the_same():
    images = 3 + 0.1 * torch.randn(1, 1, *around(SIZE))
    with torch.autocast("cpu", torch.bfloat16):
        found = local_features(images, SIZE)
    assert torch.equal(found, local_features(images, SIZE))


def test_bright_specks_do_not_drown_all_else():
    images = torch.zeros(1, 1, *around((1, 1)))
    images[..., MARGIN, MARGIN] = 100
    value, product, _ = features(images.double().numpy(), torch.Size((1, 1)))[0, 0].ravel()
    assert 0 < product < value
