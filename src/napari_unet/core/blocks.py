"""What the U-Net is put together from, for 2 or 3 spatial axes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

CONV: dict[int, Any] = {2: nn.Conv2d, 3: nn.Conv3d}
UP: dict[int, Any] = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
NORM: dict[int, Any] = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
POOL: dict[int, Any] = {2: nn.MaxPool2d, 3: nn.MaxPool3d}
AVERAGE: dict[int, Any] = {2: functional.avg_pool2d, 3: functional.avg_pool3d}
LINEAR = {2: "bilinear", 3: "trilinear"}


class ConvPair(nn.Sequential):
    """Two unpadded 3×3 convolutions, each followed by a ReLU (batch norm in between on request).

    Where `flat`, they are 1×3×3: they see one slice of a volume.
    """

    def __init__(
        self, inputs: int, outputs: int, axes: int, *, norm: bool, flat: bool = False
    ) -> None:
        layers: list[nn.Module] = []
        for channels in (inputs, outputs):
            kernel = (1, 3, 3) if flat else 3
            layers.append(CONV[axes](channels, outputs, kernel, bias=not norm))
            layers.append(NORM[axes](outputs) if norm else nn.Identity())
            layers.append(nn.ReLU(inplace=True))
        super().__init__(*layers)

    @property
    def reach(self) -> int:
        """How many slices of a volume it looks up and down."""
        sizes = [layer.kernel_size for layer in self if isinstance(layer, nn.Conv3d)]
        return sum((size[0] - 1) // 2 for size in sizes)


def flattened(conv: nn.Module) -> nn.Module:
    """The same convolution; where it makes nothing of the slices around, it needs none of them."""
    if not isinstance(conv, nn.Conv3d) or conv.kernel_size[0] == 1:
        return conv
    weight, middle = conv.weight, conv.kernel_size[0] // 2
    if weight[:, :, :middle].any() or weight[:, :, middle + 1 :].any():
        return conv
    _, height, width = conv.kernel_size
    flat = nn.Conv3d(
        conv.in_channels, conv.out_channels, (1, height, width), bias=conv.bias is not None
    )
    flat.weight, flat.bias = nn.Parameter(weight[:, :, middle : middle + 1]), conv.bias
    return flat.to(weight)


def crop(x: Tensor, size: torch.Size) -> Tensor:
    """The centre of `x`, of spatial `size`."""
    for axis, n in enumerate(size, start=2):
        x = x.narrow(axis, (x.shape[axis] - n) // 2, n)
    return x


def he_init(module: nn.Module) -> None:
    """Gaussian weights of standard deviation √(2/N), N incoming nodes a neuron (section 3)."""
    if isinstance(module, (nn.Conv2d, nn.Conv3d)):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, (nn.ConvTranspose2d, nn.ConvTranspose3d)):
        # stride 2, kernel 2: each output pixel meets exactly one tap of each input channel
        nn.init.normal_(module.weight, std=(2 / module.weight.shape[0]) ** 0.5)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
