"""Training patches, drawn around paint and varied: section 3.1 of the 2015 paper.

A patch is read straight from the image through one coordinate map that holds shift, rotation,
flip, scale and the elastic deformation together, so pixels are interpolated only once and the
context outside the image is mirrored. All of it is seeded and runs on the training device.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional as F

if TYPE_CHECKING:
    from napari_unet.core.settings import Augmentation

_GRID = 3  # the paper's coarse 3×3 grid of displacement vectors


@dataclass(frozen=True)
class Patch:
    """Where one patch lies: the image coordinates of each of its pixels, in px.

    Attributes
    ----------
    points : (H, W, 2) float32
        (y, x) in the image of every pixel of the network's input.
    """

    points: Tensor

    def window(self, margin: int) -> Tensor:
        """Coordinates of the output window, `margin` px inside: (H', W', 2)."""
        return self.points[margin:-margin, margin:-margin] if margin else self.points


def place(
    centre: tuple[float, float], size: int, augmentation: Augmentation, generator: torch.Generator
) -> Patch:
    """Lay a patch of `size` px a side around `centre` (y, x), rotated, scaled and deformed.

    The elastic deformation draws displacement vectors from a Gaussian of σ `augmentation.elastic`
    px on a coarse 3×3 grid and interpolates them bicubically (section 3.1).
    """
    device = generator.device
    axis = torch.arange(size, device=device, dtype=torch.float32) - (size - 1) / 2
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    points = torch.stack([y, x], dim=-1)
    if augmentation.elastic > 0:
        shift = torch.randn(1, 2, _GRID, _GRID, generator=generator, device=device)
        shift = F.interpolate(shift, (size, size), mode="bicubic", align_corners=True)
        points = points + augmentation.elastic * shift[0].permute(1, 2, 0)
    points = points @ _linear_map(augmentation, generator)
    return Patch(points + torch.tensor(centre, device=device, dtype=torch.float32))


def _linear_map(augmentation: Augmentation, generator: torch.Generator) -> Tensor:
    """A random rotation, flip and scale as a 2×2 matrix."""
    turn, flip, zoom = torch.rand(3, generator=generator, device=generator.device).tolist()
    angle = 2 * math.pi * turn if augmentation.rotation else 0.0
    factor = augmentation.scale ** (2 * zoom - 1)
    c, s = math.cos(angle) * factor, math.sin(angle) * factor
    sign = -1.0 if augmentation.flip and flip < 0.5 else 1.0
    return torch.tensor([[c, s], [-s * sign, c * sign]], device=generator.device)


def read_image(image: Tensor, points: Tensor) -> Tensor:
    """Interpolate an image (C, Y, X) at (H, W, 2) points, mirrored outside: (C, H, W)."""
    size = torch.tensor(image.shape[1:], device=points.device, dtype=torch.float32)
    unit = 2 * points / (size - 1).clamp(min=1) - 1
    grid = unit.flip(-1)[None].to(image.dtype)
    return F.grid_sample(image[None], grid, "bilinear", "reflection", align_corners=True)[0]


def read_labels(labels: Tensor, points: Tensor) -> Tensor:
    """Nearest values of maps at points, 0 outside.

    Maps (..., Y, X) at (H, W, 2) points: (..., H, W). Maps of a volume (..., Z, Y, X) at
    (D, H, W, 3) points: (..., D, H, W).
    """
    found = points.round().long()
    size = torch.tensor(labels.shape[-points.shape[-1] :], device=points.device)
    inside = ((found >= 0) & (found < size)).all(-1)
    places: tuple[Any, ...] = (found * inside[..., None]).unbind(-1)
    return torch.where(inside, labels[(..., *places)], labels.new_zeros(()))


def vary_grey(patches: Tensor, augmentation: Augmentation, generator: torch.Generator) -> Tensor:
    """Change contrast and brightness of each channel of (N, C, ...) patches and add noise."""
    n, c, *size = patches.shape
    ones = [1] * len(size)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, device=patches.device)

    gain = torch.exp(augmentation.contrast * draw(n, c, *ones))
    patches = patches * gain + augmentation.brightness * draw(n, c, *ones)
    level = torch.rand(n, 1, *ones, generator=generator, device=patches.device)
    return patches + augmentation.noise * level * draw(*patches.shape)
