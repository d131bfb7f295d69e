"""What the last layer sees of the image itself: smoothed values, their products, and slopes.

A network that was trained on other images sees objects and textures, but has no word for "this
shade of red", and where it works at half size, its edges are blurred. Both can be read from the
image, at a few scales (the local jet of Koenderink & van Doorn 1987, doi 10.1007/BF00318371), and
nothing has to be learnt for it.
"""

from __future__ import annotations

from itertools import combinations_with_replacement

import torch
from torch import Tensor
from torch.nn import functional

SCALES = (0, 1, 2, 4)  # σ of the Gaussians, in px of the image
MARGIN = 3 * SCALES[-1] + 1  # px that they look beyond a pixel
_GAIN = 0.45  # the less, the more a fit relies on the network's own features
_MOST = 4.0  # standardised values have a product of 1 on average; bright specks have hundreds
_FEW = 3  # channels up to which pairs of different ones are multiplied, too


def count_local(channels: int) -> int:
    """How many features images of so many channels have."""
    return len(SCALES) * (2 * channels + len(_pairs(channels)))


def local_features(images: Tensor, size: torch.Size) -> Tensor:
    """Features of the centre of images; slices of volumes have each their own.

    Parameters
    ----------
    images : (N, C, *input), standardised
        At least `MARGIN` px wider than `size` on each side of rows and columns.
    size : (*output)
        Two or three axes, of which the last two are rows and columns.

    Returns
    -------
    (N, `count_local`, *output), of the same type
        For each scale: values, products of two channels, and length of the gradient.
    """
    planes = _slices(images, size)
    with torch.autocast(images.device.type, enabled=False):  # slopes would drown in rounding
        found = [part for sigma in SCALES for part in _of_scale(planes, sigma)]
    together = torch.cat([(_GAIN * part).to(images.dtype) for part in found], dim=1)
    together = together.contiguous(memory_format=torch.channels_last)  # as the network's own are
    if len(size) == 2:
        return together
    return together.view(len(images), size[0], *together.shape[1:]).transpose(1, 2)


def _slices(images: Tensor, size: torch.Size) -> Tensor:
    """The centre, and what lies around it in its plane: (N or N·Z, C, Y, X), float32 at least."""
    wanted = [*size[:-2], *(n + 2 * MARGIN for n in size[-2:])]
    for axis, n in enumerate(wanted, start=2):
        images = images.narrow(axis, (images.shape[axis] - n) // 2, n)
    if images.ndim > 4:
        images = images.transpose(1, 2).flatten(0, 1)
    return images.to(torch.promote_types(images.dtype, torch.float32))


def _of_scale(planes: Tensor, sigma: int) -> list[Tensor]:
    smooth = _smoothed(planes, sigma)
    inner = smooth[..., 1:-1, 1:-1]
    products = [
        (inner[:, i : i + 1] * inner[:, j : j + 1]).clamp(-_MOST, _MOST)
        for i, j in _pairs(planes.shape[1])
    ]
    down = (smooth[..., 2:, 1:-1] - smooth[..., :-2, 1:-1]) / 2
    right = (smooth[..., 1:-1, 2:] - smooth[..., 1:-1, :-2]) / 2
    slope = max(sigma, 1) * (down.square() + right.square()).sqrt()
    return [inner, *products, slope]


def _smoothed(planes: Tensor, sigma: int) -> Tensor:
    """Gaussian means, of one pixel more on each side than is wanted."""
    reach = 3 * sigma
    spare = MARGIN - reach - 1
    height, width = planes.shape[-2:]
    part = planes[..., spare : height - spare, spare : width - spare]
    if not sigma:
        return part
    at = torch.arange(-reach, reach + 1, device=planes.device, dtype=planes.dtype)
    weights = torch.softmax(-at.square() / (2 * sigma**2), dim=0)
    count, channels = part.shape[:2]
    single = part.flatten(0, 1)[:, None].to(memory_format=torch.channels_last)  # far faster so
    rows = functional.conv2d(single, weights[None, None, :, None])
    both = functional.conv2d(rows, weights[None, None, None, :])
    return both.view(count, channels, *both.shape[2:])


def _pairs(channels: int) -> list[tuple[int, int]]:
    if channels > _FEW:
        return [(i, i) for i in range(channels)]
    return list(combinations_with_replacement(range(channels), 2))
