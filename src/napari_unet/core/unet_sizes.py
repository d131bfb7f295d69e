"""Which sizes fit a U-Net: how much context it needs, and how far apart tiles may begin."""

from __future__ import annotations

from typing import TypeAlias

from napari_unet.core.tiling import Grid, per_axis

Size: TypeAlias = tuple[int, ...]


class Sized:
    """The size arithmetic of a `UNet`, which has these attributes and says what they mean."""

    depth: int
    axes: int
    shrink: int
    across: int

    def in_plane(self, n: int) -> int | tuple[int, ...]:
        """So many pixels along each axis, but one slice where slices are not treated alike."""
        return (1, n, n) if self.across else n

    @property
    def reach(self) -> int:
        """Slices of a volume that it looks up and down."""
        raise NotImplementedError

    @property
    def grids(self) -> tuple[Grid, ...]:
        """What tiles must fit, for each axis: `grid`, and for slices that are not pooled their own.

        Each convolution that looks across needs one slice on each side.
        """
        slices = (Grid(margin=self.reach, stride=1),) if self.across else ()
        return slices + (self.grid,) * (self.axes - len(slices))

    @property
    def grid(self) -> Grid:
        """What tiles must fit along rows and columns: margin and stride, in px.

        A pixel of level l spans 2**l image pixels, and two 3×3 convolutions need 2 of them a side,
        at each level of both paths and at the bottom: Σ 4·2**l (l < depth) + 2·2**depth. All of
        it is `shrink` times as much in image pixels, and interpolating back takes a few more.
        """
        stride = 1 << self.depth
        margin = self.shrink * (6 * stride - 4) + self.trim
        return Grid(margin=margin, stride=self.shrink * stride)

    @property
    def trim(self) -> int:
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
