"""Which planes of a layer an edit touched: a brush can go through many slices of a stack."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np
from napari.layers import Labels
from qtpy.QtCore import QElapsedTimer

from napari_unet.widgets.planes import Index, full_shape, indices


class Waiting(set[Index]):
    """Planes that are yet to be looked at: the ones near the view first, a few ms at a time."""

    def near(self, current: Index, limit: int | None = None) -> Iterator[Index]:
        """Take planes out, at least one of them and for so many ms; without a limit, all."""

        def far(index: Index) -> int:
            return sum(abs(i - at) for i, at in zip(index, current, strict=False))

        clock = QElapsedTimer()
        clock.start()
        for index in sorted(self, key=far):
            self.discard(index)
            yield index
            if limit is not None and clock.hasExpired(limit):
                return


def touched_planes(layer: Labels, atoms: Sequence[Any]) -> set[Index]:
    """The planes that a step of the layer's history changed, as its event `paint` has it.

    Parameters
    ----------
    layer : Labels
    atoms : sequence
        Each (indices, old values, new value) or, since napari 0.9, with a box and a mask in it.
    """
    lengths = full_shape(layer)[:-2]
    if not lengths:
        return {()}
    found: set[Index] = set()
    for atom in atoms:
        box = getattr(atom, "slice_key", None)
        found.update(_listed(atom[0], lengths) if box is None else _boxed(box, atom.mask))
    if not found and layer.n_edit_dimensions > 2:  # a tool that does not say what it painted
        return set(indices(layer))
    return found


def _listed(indices: Sequence[Any], lengths: Index) -> Iterator[Index]:
    """Of pixels by their indices along each axis."""
    stacked = [np.asarray(axis).ravel() for axis in indices[: len(lengths)]]
    counts = np.bincount(np.ravel_multi_index(stacked, lengths, mode="clip"))
    for axes in zip(*np.unravel_index(np.flatnonzero(counts), lengths), strict=True):
        yield tuple(int(i) for i in axes)


def _boxed(box: Sequence[slice], mask: Any) -> Iterator[Index]:  # noqa: ANN401
    """Of pixels in a box; all of them where there is no mask."""
    if mask is None:
        yield from product(*(range(part.start, part.stop) for part in box[:-2]))
        return
    for place in np.argwhere(mask.any(axis=(-2, -1))):
        yield tuple(int(i) + part.start for i, part in zip(place, box[:-2], strict=True))


def reached_planes(layer: Labels, current: Index) -> set[Index]:
    """The planes that the brush reaches from the one in view."""
    deep = max(0, layer.n_edit_dimensions - 2)  # axes that it goes along, the last ones
    reach = int(layer.brush_size) // 2 + 1
    lengths = full_shape(layer)[:-2]
    ranges = [
        range(max(0, at - reach), min(n, at + reach + 1))
        if axis >= len(lengths) - deep
        else range(at, at + 1)
        for axis, (at, n) in enumerate(zip(current, lengths, strict=False))
    ]
    return set(product(*ranges))
