"""The U-Net of Ronneberger, Fischer & Brox (2015), arXiv 1505.04597.

Unpadded 3×3 convolutions, 2×2 max-pooling, 2×2 up-convolutions, crop and concatenate.
Without padding, each output pixel depends on real image content alone, so an image can be
cut into tiles and the outputs laid side by side with no seam (section 2, "overlap-tile").
"""

from __future__ import annotations

import copy
from typing import Any, TypeAlias

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
from napari_unet.core.tiling import Grid, per_axis

Size: TypeAlias = tuple[int, ...]


class UNet(nn.Module):
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
        shrink: int = 1,
        across: int = 0,
    ) -> None:
        super().__init__()
        self.in_channels, self.classes, self.axes = in_channels, classes, axes
        self.across = across
        self.anisotropy = 1.0  # distance of slices in px, where volumes were learnt from
        self.width, self.depth, self.norm, self.side = width, depth, norm, side
        self.shrink = shrink
        self.original = not norm and not side  # as it was published
        self.pretrained = False  # whether the weights come from an earlier training
        self.adapted = not norm  # whether batch norm was measured on the user's image
        widths = [width << level for level in range(depth + 1)]
        inputs = [in_channels, *widths[:-1]]
        self.down = nn.ModuleList(
            ConvPair(i, o, axes, norm=norm, flat=0 < across <= level)
            for level, (i, o) in enumerate(zip(inputs, widths, strict=True))
        )
        two = self._in_plane(2)
        self.pool = POOL[axes](two)
        self.dropout = nn.Dropout(dropout)
        self.up = nn.ModuleList(UP[axes](2 * w, w, two, stride=two) for w in reversed(widths[:-1]))
        self.merge = nn.ModuleList(
            ConvPair(2 * w, w, axes, norm=norm, flat=across > 0) for w in reversed(widths[:-1])
        )
        beside = reversed(widths[1:-1]) if side else ()
        self.sides = nn.ModuleList(CONV[axes](w, side, 1) for w in beside)
        self.head = CONV[axes](width + side * len(self.sides), classes, 1)
        self.apply(he_init)

    # -- size arithmetic ------------------------------------------------------------------

    def _in_plane(self, n: int) -> int | tuple[int, ...]:
        """So many pixels along each axis, but one slice where slices are not treated alike."""
        return (1, n, n) if self.across else n

    @property
    def grids(self) -> tuple[Grid, ...]:
        """What tiles must fit, for each axis: `grid`, and for slices that are not pooled their own.

        Each convolution that looks across needs one slice on each side.
        """
        reach = sum(pair.reach for pair in self.down if isinstance(pair, ConvPair))
        slices = (Grid(margin=reach, stride=1),) if self.across else ()
        return slices + (self.grid,) * (self.axes - len(slices))

    @property
    def grid(self) -> Grid:
        """What tiles must fit along rows and columns: margin and stride, in px.

        A pixel of level l spans 2**l image pixels, and two 3×3 convolutions need 2 of them a side,
        at each level of both paths and at the bottom: Σ 4·2**l (l < depth) + 2·2**depth. All of
        it is `shrink` times as much in image pixels, and interpolating back takes a few more.
        """
        stride = 1 << self.depth
        margin = self.shrink * (6 * stride - 4) + self._trim
        return Grid(margin=margin, stride=self.shrink * stride)

    @property
    def _trim(self) -> int:
        """Interpolated pixels that look beyond the edge, and so many more as fit the grid."""
        return 2 * (self.shrink - 1)

    @property
    def stride(self) -> int:
        """Pixels between two positions of the pooling grid: tiles must step by a multiple."""
        return self.grid.stride

    @property
    def margin(self) -> int:
        """Context that an output window needs on each side, in px (92 for the paper's depth 4)."""
        return self.grid.margin

    def output_size(self, size: Size) -> Size:
        """Size of the output for an input of `size`, per axis, in px."""
        grids = self.grids if self.across else per_axis(self.grid, len(size))
        return tuple(n - 2 * grid.margin for n, grid in zip(size, grids, strict=True))

    def valid_input_size(self, size: Size) -> Size:
        """Smallest valid input whose output covers `size`, per axis, in px.

        Depth 4 accepts 12 mod 16, from 188 px on: then every pooling meets an even number of
        pixels (section 2, last paragraph).
        """
        grids = self.grids if self.across else per_axis(self.grid, len(size))
        return tuple(grid.input(n) for n, grid in zip(size, grids, strict=True))

    # -- forward --------------------------------------------------------------------------

    def features(self, x: Tensor) -> Tensor:
        """Last feature maps before the 1×1 convolution: (N, D, *output).

        D is `width`, and `side` more for each deeper level of the expanding path.

        Raises
        ------
        ValueError
            If a spatial size does not fit the pooling grid; the message names one that does.
        """
        return self._enlarged(self._maps(x))

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
        trim = [0 if self.across and axis == 0 else 2 * self._trim for axis in range(self.axes)]
        return crop(x, torch.Size(n - t for n, t in zip(x.shape[2:], trim, strict=True)))

    def _interpolated(self, x: Tensor, factor: int) -> Tensor:
        scale: Any = self._in_plane(factor)
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
        return self._enlarged(self.head(self._maps(x)))

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
