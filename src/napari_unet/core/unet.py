"""The U-Net of Ronneberger, Fischer & Brox (2015), arXiv 1505.04597.

Unpadded 3×3 convolutions, 2×2 max-pooling, 2×2 up-convolutions, crop and concatenate.
Without padding, each output pixel depends on real image content alone, so an image can be
cut into tiles and the outputs laid side by side with no seam (section 2, "overlap-tile").
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from napari_unet.core.blocks import (
    AVERAGE,
    CONV,
    LINEAR,
    POOL,
    UP,
    ConvPair,
    crop,
    flattened,
    he_init,
)
from napari_unet.core.local_features import MARGIN, count_local, local_features
from napari_unet.core.unet_sizes import Size, Sized


class UNet(Sized, nn.Module):
    """The 2015 topology, for any width, depth, number of channels, and 2 or 3 spatial axes.

    Parameters
    ----------
    in_channels : int
        Channels of the image, ≥ 1.
    classes : int
        Output classes, ≥ 2.
    width : int
        Channels of the first level, doubled at each level down (64 in the paper).
    depth : int
        Number of poolings (4 in the paper).
    axes : int
        2 or 3 spatial axes.
    norm : bool
        Batch norm before each ReLU; the paper has none. Fold it away with `folded`.
    dropout : float
        Drop-out rate at the end of the contracting path (section 3.1).
    side : int
        Channels that each deeper level of the expanding path hands on to the last layer through
        a 1×1 convolution and bilinear interpolation; 0 in the paper.
    local : bool
        Whether the last layer also sees features of the image itself: see `local_features`.
    shrink : int
        The working scale: images are averaged over this many pixels a side first, and the last
        feature maps interpolated back. No weight depends on it, so it may be set later.
    across : int
        With 3 axes, of which the first counts slices: how many levels of the contracting path look
        across slices, two more on each side per level. All else is 1×3×3 and 1×2×2, so slices are
        never pooled: they may be few and far apart, and 2-D weights fit in (see `core.volume`).
        0: no axis is special, as in Çiçek et al. 2016, arXiv 1606.06650.

    Notes
    -----
    Depth 4 has 23 convolutional layers, as section 2 counts them: 18 of 3×3, 4 up-convolutions
    and one of 1×1. Sides add one each to levels 1…depth-1: a last layer that is fitted to a few
    strokes alone then sees coarse texture and regions beside fine detail.
    """

    def __init__(  # noqa: PLR0913 - one argument per property of the topology
        self,
        in_channels: int,
        classes: int,
        *,
        width: int = 64,
        depth: int = 4,
        axes: int = 2,
        norm: bool = False,
        dropout: float = 0.5,
        side: int = 0,
        local: bool = False,
        shrink: int = 1,
        across: int = 0,
    ) -> None:
        super().__init__()
        self.in_channels, self.classes, self.axes = in_channels, classes, axes
        self.across = across
        self.anisotropy = 1.0  # distance of slices in px, where volumes were learnt from
        self.width, self.depth, self.norm, self.side = width, depth, norm, side
        self.shrink, self.local = shrink, local
        if local and self.margin < MARGIN:
            raise ValueError("the U-Net is not deep enough for local features")
        self.original = not norm and not side  # as it was published
        self.pretrained = False  # whether the weights come from an earlier training
        self.adapted = not norm  # whether batch norm was measured on the user's image
        widths = [width << level for level in range(depth + 1)]
        inputs = [in_channels, *widths[:-1]]
        self.down = nn.ModuleList(
            ConvPair(i, o, axes, norm=norm, flat=0 < across <= level)
            for level, (i, o) in enumerate(zip(inputs, widths, strict=True))
        )
        two = self.in_plane(2)
        self.pool = POOL[axes](two)
        self.dropout = nn.Dropout(dropout)
        self.up = nn.ModuleList(UP[axes](2 * w, w, two, stride=two) for w in reversed(widths[:-1]))
        self.merge = nn.ModuleList(
            ConvPair(2 * w, w, axes, norm=norm, flat=across > 0) for w in reversed(widths[:-1])
        )
        beside = reversed(widths[1:-1]) if side else ()
        self.sides = nn.ModuleList(CONV[axes](w, side, 1) for w in beside)
        self.head = CONV[axes](width + side * len(self.sides), classes, 1)
        near = count_local(in_channels)
        self.local_head = CONV[axes](near, classes, 1, bias=False) if local else None
        self.apply(he_init)

    @property
    def reach(self) -> int:
        """Slices of a volume that it looks up and down: one for each convolution across."""
        return sum(pair.reach for pair in self.down if isinstance(pair, ConvPair))

    # -- forward --------------------------------------------------------------------------

    def features(self, x: Tensor) -> Tensor:
        """What the last layer sees: (N, D, *output).

        D is `width`, `side` more for each deeper level of the expanding path, and the local
        features.

        Raises
        ------
        ValueError
            If a spatial size does not fit the pooling grid; the message names one that does.
        """
        maps = self._enlarged(self._maps(x))
        return torch.cat([maps, local_features(x, maps.shape[2:])], 1) if self.local else maps

    def _maps(self, x: Tensor) -> Tensor:
        """The same at the working scale."""
        self._check_size(tuple(x.shape[2:]))
        if self.shrink > 1:
            x = self._shrunk(x)
        skips: list[Tensor] = []
        for level in self.down[:-1]:
            x = level(x)
            skips.append(x)
            x = self.pool(x)
        x = self.dropout(self.down[-1](x))
        levels: list[Tensor] = []
        for up, merge in zip(self.up, self.merge, strict=True):
            x = up(x)
            x = merge(torch.cat([crop(skips.pop(), x.shape[2:]), x], dim=1))
            levels.append(x)
        return self._with_sides(levels) if self.sides else x

    def _shrunk(self, x: Tensor) -> Tensor:
        """Images averaged to the working scale."""
        if not self.across:
            averaged: Tensor = AVERAGE[self.axes](x, self.shrink)
            return averaged
        # slice by slice, as a CPU cannot average volumes in bfloat16
        found = functional.avg_pool2d(x.flatten(1, 2), self.shrink)
        return found.view(*x.shape[:3], *found.shape[2:])

    def _enlarged(self, x: Tensor) -> Tensor:
        """Maps at the image's own scale."""
        if self.shrink == 1:
            return x
        x = self._interpolated(x, self.shrink)
        trim = [0 if self.across and axis == 0 else 2 * self.trim for axis in range(self.axes)]
        return crop(x, torch.Size(n - t for n, t in zip(x.shape[2:], trim, strict=True)))

    def _interpolated(self, x: Tensor, factor: int) -> Tensor:
        scale: Any = self.in_plane(factor)
        return functional.interpolate(x, scale_factor=scale, mode=LINEAR[self.axes])

    def _with_sides(self, levels: list[Tensor]) -> Tensor:
        """The finest of the expanding path's maps, and its coarser ones interpolated to it.

        Each level reaches further beyond the output than the interpolation looks, so no pixel
        depends on where a tile ends.
        """
        finest, maps = levels[-1], [levels[-1]]
        for i, side in enumerate(self.sides):
            coarse = self._interpolated(side(levels[i]), 1 << (self.depth - 1 - i))
            maps.append(crop(coarse, finest.shape[2:]))
        return torch.cat(maps, dim=1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, classes, *output) of images (N, in_channels, *input).

        Raises
        ------
        ValueError
            If a spatial size does not fit the pooling grid; the message names one that does.
        """
        # few maps are interpolated faster than many, and 1×1 convolutions do not mind the order
        logits = self._enlarged(self.head(self._maps(x)))
        if self.local_head is not None:
            logits = logits + self.local_head(local_features(x, logits.shape[2:]))
        return logits

    def last_layer(self) -> tuple[Tensor, Tensor]:
        """The last layer as one map of `features`: weight (K, D), bias (K,)."""
        parts = [self.head.weight, *([] if self.local_head is None else [self.local_head.weight])]
        return torch.cat([p.detach().flatten(1) for p in parts], 1), self.head.bias.detach()

    def set_last_layer(self, weight: Tensor, bias: Tensor) -> None:
        """Replace it: arguments as `last_layer` returns them."""
        with torch.no_grad():
            deep, near = weight.tensor_split([self.head.in_channels], dim=1)
            self.head.weight.copy_(deep.view_as(self.head.weight))
            self.head.bias.copy_(bias)
            if self.local_head is not None:
                self.local_head.weight.copy_(near.view_as(self.local_head.weight))

    def _check_size(self, size: Size) -> None:
        if len(size) != self.axes:
            raise ValueError(
                f"the U-Net needs (N, C) and {self.axes} spatial axes, not {len(size)}"
            )
        valid = self.valid_input_size(self.output_size(size))
        if size != valid:
            raise ValueError(f"an input of {size} px does not fit the U-Net; pad it to {valid} px")

    def flatten(self) -> None:
        """Look at slices around only where something was learnt from them; then not to be trained.

        The maps stay the same, and those of a network that began as a 2-D one cost no more.
        """
        for pair in self.down:
            if self.across and isinstance(pair, ConvPair):
                pair[0], pair[3] = flattened(pair[0]), flattened(pair[3])

    def folded(self) -> UNet:
        """A copy for prediction: batch norm folded into the convolutions, no drop-out.

        It looks at other slices only where it learnt from them: see `flatten`.
        """
        net = copy.deepcopy(self).eval()
        for pair in [*net.down, *net.merge]:
            for i in range(0, len(pair), 3):
                if not isinstance(pair[i + 1], nn.Identity):
                    pair[i] = fuse_conv_bn_eval(pair[i], pair[i + 1])
                    pair[i + 1] = nn.Identity()
        net.flatten()
        net.norm = False
        return net.requires_grad_(requires_grad=False)
