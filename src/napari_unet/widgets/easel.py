"""The layer that is painted on: all of a plane or, of a large one, the part around the view."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from napari.layers import Labels, Layer
from numpy.typing import NDArray

from napari_unet.core.annotations import BLOCK, Annotations, Block
from napari_unet.engine.messages import Box
from napari_unet.widgets.place import lay_over
from napari_unet.widgets.planes import Index, all_lengths, channel_axis, full_shape
from napari_unet.widgets.pyramid import empty

_KEY = "napari-unet easel"  # in a layer's metadata
SIDE = 8192  # px that can be painted on at once: a multiple of 256


def easel_of(layer: Labels) -> Easel:
    """The easel of a paint layer; it belongs to the layer, whoever works with it."""
    known = layer.metadata.get(_KEY)
    return known if isinstance(known, Easel) and known.layer is layer else Easel(layer)


def recode(plane: NDArray[Any], values: NDArray[Any]) -> None:
    """Give a plane other values: `values[v]` for each v it knows.

    Only what changes is written, as the rest may lie in a file as large as what was written.
    """
    others = values != np.arange(len(values))
    where = plane < len(values)
    where[where] = others[plane[where]]
    if where.any():
        plane[where] = values[plane[where]]


class Easel:
    """A paint layer as it is: as large as its image, and always in the same place.

    Parameters
    ----------
    layer : Labels
    """

    origin = (0, 0)  # of the layer, in the plane

    def __init__(self, layer: Labels) -> None:
        self.layer = layer

    @property
    def shape(self) -> tuple[int, ...]:
        """(…, Y, X) of all that is painted on."""
        return full_shape(self.layer)

    def read(
        self, index: Index, before: Annotations | None, objects: tuple[int, ...]
    ) -> Annotations:
        """The paint on a plane as it is now; what equals `before` is shared.

        Raises
        ------
        AnnotationError
            If the layer holds what cannot be paint.
        """
        return Annotations.of(np.asarray(self.layer.data[index]), before, objects)

    def write(self, index: Index, y: int, x: int, where: NDArray[Any], values: Any) -> None:  # noqa: ANN401
        """Paint where a mask at row `y`, column `x` says."""
        height, width = where.shape
        self.layer.data[index][y : y + height, x : x + width][where] = values

    def fill(self, planes: Mapping[Index, Annotations]) -> None:
        """Paint all of these planes anew, before anybody works with the layer."""
        for index, paint in planes.items():
            for block in paint.blocks:
                height, width = block.values.shape
                box = np.s_[block.y : block.y + height, block.x : block.x + width]
                self.layer.data[index][box] = block.values

    def recode(self, painted: Iterable[Index], values: NDArray[Any]) -> None:
        """Give the paint on these planes other values: `values[v]` for each v it knows."""
        for index in painted:
            recode(self.layer.data[index], values)

    def shows(self, box: Box) -> bool:  # noqa: ARG002
        """Whether a box can be painted on."""
        return True

    def follow(self, image: Layer) -> None:
        """Lie over the image, which was moved, scaled or turned."""
        lay_over(self.layer, image)

    def move(self, box: Box) -> None:
        """Lay the layer over the middle of a box, with what was painted there."""


class MovingEasel(Easel):
    """A paint layer over a part of a large plane; it is moved as the user looks elsewhere.

    Viewers read all of a layer that is painted on, so it must not be as large as the plane.

    Parameters
    ----------
    image : layer that it lies over
    shape : (…, Y, X) of the whole image
    """

    def __init__(self, layer: Labels, image: Layer, shape: tuple[int, ...]) -> None:
        super().__init__(layer)
        self._image, self._whole = image, shape
        self._plane = (shape[-2], shape[-1])
        self.origin = (0, 0)
        self._kept: dict[Index, Annotations] = {}
        layer.metadata[_KEY] = self
        self._lay(self._around((0, 0, *self._plane)))

    @property
    def shape(self) -> tuple[int, ...]:
        """(…, Y, X) of the whole image."""
        return self._whole

    def read(
        self, index: Index, before: Annotations | None, objects: tuple[int, ...]
    ) -> Annotations:
        """The paint on a plane; see `Easel.read`."""
        known = self._kept.get(index) or before or Annotations(self._plane)
        whole = Annotations(self._plane, known.blocks, objects)
        found = whole.replaced(*self.origin, np.asarray(self.layer.data[index]))
        self._kept[index] = found
        return found

    def write(self, index: Index, y: int, x: int, where: NDArray[Any], values: Any) -> None:  # noqa: ANN401
        """Paint where a mask says, which must lie where the layer is."""
        super().write(index, y - self.origin[0], x - self.origin[1], where, values)

    def fill(self, planes: Mapping[Index, Annotations]) -> None:
        """Paint all of these planes anew; see `Easel.fill`."""
        self._kept |= planes
        self._lay(self.origin)

    def recode(self, painted: Iterable[Index], values: NDArray[Any]) -> None:
        """Give all paint other values; see `Easel.recode`."""
        super().recode(painted, values)
        for index, paint in self._kept.items():
            blocks = tuple(Block(b.y, b.x, values[b.values]) for b in paint.blocks)
            self._kept[index] = Annotations(self._plane, blocks, paint.objects)

    def shows(self, box: Box) -> bool:
        """Whether a box can be painted on, or as much of it as is possible at once."""
        (y, x), (height, width) = self.origin, self.layer.data.shape[-2:]
        inside = y <= box[0] and x <= box[1] and box[2] <= y + height and box[3] <= x + width
        return inside or self._around(box) == self.origin

    def move(self, box: Box) -> None:
        """Lay the layer over the middle of a box, with what was painted there.

        All paint must have been read before. The viewer's own history of strokes ends here, as
        it is that of other pixels.
        """
        origin = self._around(box)
        if origin != self.origin:
            self._lay(origin)

    def follow(self, image: Layer) -> None:
        """Lie over the image again; see `Easel.follow`."""
        self.layer.affine = _matrix(image, self.origin)

    def _lay(self, origin: tuple[int, int]) -> None:
        self.origin = origin
        size = [min(SIDE, n - at) for n, at in zip(self._plane, origin, strict=True)]
        data = empty((*self._whole[:-2], *size))
        for index, paint in self._kept.items():
            if paint.blocks:
                data[index] = paint.part(*origin, *size)
        self.layer.affine = _matrix(self._image, origin)
        self.layer.data = data

    def _around(self, box: Box) -> tuple[int, int]:
        """Where the layer begins when it lies over the middle of a box."""
        starts = []
        for low, high, length in zip(box[:2], box[2:], self._plane, strict=True):
            last = max(0, -(-(length - SIDE) // BLOCK) * BLOCK)
            start = ((low + high) // 2 - SIDE // 2) // BLOCK * BLOCK
            starts.append(min(max(start, 0), last))
        return starts[0], starts[1]


def _matrix(image: Layer, origin: tuple[int, int]) -> NDArray[np.float64]:
    """What takes pixels of the part of an image at `origin` to the world: homogeneous."""
    ndim, channel = image.ndim, channel_axis(image)
    corner = np.zeros(ndim)
    corner[-2:] = origin
    matrix = np.eye(ndim + 1)
    matrix[:-1, -1] = image.data_to_world(corner)
    for axis in range(ndim):
        step = corner.copy()
        step[axis] += 1
        matrix[:-1, axis] = np.asarray(image.data_to_world(step)) - matrix[:-1, -1]
    if channel is not None:  # the one plane of the layer is at the place of all channels
        many = all_lengths(image)[channel]
        matrix[:-1, -1] += (many - 1) / 2 * matrix[:-1, channel]
        matrix[:-1, channel] *= many
    return matrix
