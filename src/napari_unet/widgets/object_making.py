"""Finds and measures the objects of a whole layer, plane by plane; no Qt, so any thread will do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from napari.layers import Image, Layer
from numpy.typing import NDArray

from napari_unet.core.image import as_plane
from napari_unet.core.measurements import Place, Table, measure, stacked
from napari_unet.core.objects import ObjectSettings, find_objects
from napari_unet.core.objects_parts import ArrayLike
from napari_unet.widgets.certainty import Certainty, still
from napari_unet.widgets.compat import has_no_name
from napari_unet.widgets.planes import Index, full_shape

_PARTS = 1000  # progress is told in thousandths
_FINDING = 0.4  # of the time of a plane; the rest is measuring
_COLOURS = ("red", "green", "blue")


@dataclass(frozen=True)
class Grey:
    """The pixels of an image layer."""

    name: str
    data: Any
    rgb: bool

    @classmethod
    def of(cls, layer: Image) -> Grey:
        """Take them from a layer, without reading them."""
        return cls(layer.name, layer.data[0] if layer.multiscale else layer.data, bool(layer.rgb))

    def channels(self, index: Index) -> dict[str, NDArray[Any]]:
        """Read a plane: its channels by their names."""
        plane = as_plane(np.asarray(self.data[index]), rgb=self.rgb)
        names = [f"{self.name} {colour}" for colour in _COLOURS] if self.rgb else [self.name]
        return dict(zip(names, plane, strict=True))


@dataclass(frozen=True)
class Task:
    """What to make objects of.

    Attributes
    ----------
    classes : (…, Y, X) integers, array-like
    number : the class whose objects are wanted.
    axes : names of the axes before Y and X.
    certainty : of the classes, as far as it is known; None: objects are cut by shape alone.
    live : the certainty may change meanwhile. Classes always may, as the user paints.
    """

    classes: Any
    number: int
    settings: ObjectSettings
    greys: tuple[Grey, ...]
    place: Place
    axes: tuple[str, ...]
    certainty: Certainty | None = None
    live: bool = False

    def plane(self, index: Index) -> tuple[Any, ArrayLike | None]:
        """The classes of a plane and how sure they are, as they are when it begins.

        Neither may change while it is worked on, tile after tile.
        """
        classes = self.classes[index]
        if isinstance(self.classes, np.ndarray):  # else it was read right now, or never changes
            classes = still(classes)
        if self.certainty is None:
            return classes, None
        if self.live:
            return classes, self.certainty.plane(index).over(classes, ())
        return classes, self.certainty.over(classes, index)


@dataclass(frozen=True)
class Made:
    """Objects (…, Y, X), their number, and their table of features."""

    labels: NDArray[Any]
    count: int
    table: Table


def make(task: Task, progress: Callable[[int, int], None]) -> Made:
    """Find and measure all objects; those of different planes are different objects."""
    *stack, y, x = task.classes.shape
    planes: list[Index] = list(product(*(range(n) for n in stack)))
    found, tables, count = [], [], 0
    for done, index in enumerate(planes):

        def told(share: float, done: int = done) -> None:
            progress(round(_PARTS * (done + share) / len(planes)), _PARTS)

        classes, sure = task.plane(index)
        labels = find_objects(
            classes,
            task.number,
            task.settings,
            probability=sure,
            progress=lambda k, n, told=told: told(_FINDING * k / n),  # type: ignore[misc]
        )
        channels = {k: v for grey in task.greys for k, v in grey.channels(index).items()}
        table = measure(labels, channels, task.place)
        table["index"] = table["index"] + count
        told(1.0)
        found.append((labels, count))
        tables.append(table)
        count += int(labels.max(initial=0))
    if not stack:
        return Made(found[0][0], count, tables[0])
    whole = np.empty((len(planes), y, x), np.min_scalar_type(count))
    for plane, (labels, before) in zip(whole, found, strict=True):
        np.add(labels, before, out=plane, where=labels > 0, casting="unsafe")
        plane[labels == 0] = 0
    at = dict(zip(task.axes, zip(*planes, strict=True), strict=True))
    return Made(whole.reshape(*stack, y, x), count, stacked(tables, at))


def place_in_world(layer: Layer) -> Place:
    """Size, position and unit of a layer's pixels; without a unit, px or "world"."""
    spacing, origin = (tuple(float(v) for v in vs[-2:]) for vs in (layer.scale, layer.translate))
    unit = layer.units[-1]
    name = f"{unit:~P}".replace("\u03bc", "\u00b5")  # Pint writes "micro" the one way or the other
    if str(unit) == "pixel":
        name = "px" if set(spacing) == {1.0} else "world"
    return Place((spacing[0], spacing[1]), (origin[0], origin[1]), name)


def stack_axes(layer: Layer) -> tuple[str, ...]:
    """Names for the axes before Y and X."""
    count = len(full_shape(layer)) - 2
    given = [str(label) for label in layer.axis_labels[:count]]
    return tuple(
        f"plane {k}" if has_no_name(name) and count > 1 else
        "plane" if has_no_name(name) else name
        for k, name in enumerate(given)
    )  # fmt: skip
