"""What of an image the engine sees as one: a plane, or all slices along its z axis as a volume.

The window paints, shows and saves plane by plane in either case; here the two are matched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from msgspec.structs import replace
from napari.layers import Layer
from numpy.typing import NDArray

from napari_unet.core.annotations import Annotations, Block, ClassMap
from napari_unet.core.objects_ids import changed_ids
from napari_unet.engine.messages import Predicted
from napari_unet.widgets.model_file import ModelFileError
from napari_unet.widgets.planes import Index, depth_axis, full_shape, indices

Key = tuple[int | slice, ...]


@dataclass(frozen=True)
class Region:
    """A plane, or a volume.

    Attributes
    ----------
    index : of the plane, or of the first one.
    deep : it is a volume; an image without slices is one of a single slice.
    axis : along which its slices lie, if there are several.
    length : how many there are.
    anisotropy : how many px they lie apart.
    """

    index: Index
    deep: bool = False
    axis: int | None = None
    length: int = 1
    anisotropy: float = 1.0

    @property
    def key(self) -> Key:
        """What of the axes before (Y, X) it is."""
        return tuple(slice(None) if a == self.axis else at for a, at in enumerate(self.index))

    @property
    def planes(self) -> list[Index]:
        """Its planes, from the first slice on."""
        return [self.plane(z) for z in range(self.length)]

    def plane(self, z: int) -> Index:
        """The plane that is its slice `z`."""
        return tuple(z if a == self.axis else at for a, at in enumerate(self.index))

    def slice_of(self, index: Index) -> int:
        """Which slice of it a plane is."""
        return 0 if self.axis is None else index[self.axis]

    def is_painted(self, planes: Mapping[Index, Annotations]) -> bool:
        """Whether there is paint on any of its planes."""
        return any(at in planes and planes[at].blocks for at in self.planes)

    def together(self, planes: Mapping[Index, Annotations]) -> Annotations | None:
        """The paint of its planes as that of one; None where there never was any.

        While other classes begin to have ids, plane after plane, its values are those of the
        first plane: what they mean is the same on all.
        """
        if not self.deep:
            return planes.get(self.index)
        found = {z: planes[at] for z, at in enumerate(self.planes) if at in planes}
        if not found:
            return None
        some = next(iter(found.values()))
        blocks = (
            Block(b.y, b.x, values, z)
            for z, own in found.items()
            for b, values in _valued(own, some.objects)
        )
        return Annotations((self.length, *some.shape), tuple(blocks), some.objects)

    def apart(self, paint: Annotations) -> dict[Index, Annotations]:
        """The paint of it as that of each of its planes."""
        if not self.deep:
            return {self.index: paint}
        found: dict[int, list[Block]] = {}
        for b in paint.blocks:
            found.setdefault(b.z, []).append(Block(b.y, b.x, b.values))
        return {
            at: Annotations(paint.shape[1:], tuple(found.get(z, ())), paint.objects)
            for z, at in enumerate(self.planes)
        }

    def parts(self, z: int, values: NDArray[Any]) -> Iterator[tuple[Index, NDArray[Any]]]:
        """What a tile from slice `z` on holds of each of its planes: (h, w)."""
        for k, part in enumerate(values if self.deep else values[None]):
            yield self.plane(z + k), part

    def flat(self, tile: Predicted) -> Iterator[tuple[Index, Predicted]]:
        """A tile of it as one of each plane."""
        for k, (index, labels) in enumerate(self.parts(tile.z, tile.labels)):
            overlay, sure = (
                part if part is None or not self.deep else part[k]
                for part in (tile.overlay, tile.certainty)
            )
            yield index, replace(tile, labels=labels, overlay=overlay, certainty=sure, z=0)


def _valued(paint: Annotations, objects: tuple[int, ...]) -> Iterator[tuple[Block, ClassMap]]:
    """Blocks of paint, and their values where these classes have ids."""
    table = changed_ids(paint.objects, objects)
    for block in paint.blocks:
        yield block, block.values if paint.objects == objects else table[block.values]


def region_of(layer: Layer, index: Index, *, deep: bool) -> Region:
    """The region that a plane of a layer belongs to."""
    axis = depth_axis(layer) if deep else None
    if axis is None:
        return Region(index, deep)
    first = (*index[:axis], 0, *index[axis + 1 :])
    return Region(first, deep, axis, full_shape(layer)[axis], anisotropy(layer, axis))


def regions(layer: Layer, *, deep: bool) -> list[Region]:
    """All regions of a layer, in order."""
    return list(dict.fromkeys(region_of(layer, index, deep=deep) for index in indices(layer)))


def anisotropy(layer: Layer, axis: int) -> float:
    """How many px the slices along an axis lie apart; 1 where the layer does not say."""
    scale = np.abs(np.asarray(layer.scale, float))
    found = float(scale[axis] / scale[-2:].mean())
    return found if np.isfinite(found) and found > 0 else 1.0


def check_stack(layer: Layer | None) -> None:
    """Refuse a model of volumes where there is no stack that can be seen as one.

    Raises
    ------
    ModelFileError
    """
    if layer is None or depth_axis(layer) is None:
        raise ModelFileError(
            "This model segments volumes: choose a stack of slices first, or use it in Batch "
            "segment a folder."
        )
