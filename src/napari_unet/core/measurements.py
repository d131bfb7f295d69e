"""A table of measurements: one row for each object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from skimage.measure import regionprops_table

Table: TypeAlias = dict[str, NDArray[Any]]

_LENGTHS = {
    "equivalent_diameter_area": "equivalent diameter",
    "axis_major_length": "major axis",
    "axis_minor_length": "minor axis",
    "feret_diameter_max": "Feret diameter",
}
_SHARES = ("eccentricity", "solidity")
_GREYS = {"intensity_mean": "mean", "intensity_min": "min", "intensity_max": "max"}


class Place(Struct, frozen=True):
    """Where a plane lies in the world.

    Attributes
    ----------
    spacing : size of a pixel along Y and X.
    origin : of the middle of the first pixel.
    unit : of both, for the names of the columns.
    """

    spacing: tuple[float, float] = (1.0, 1.0)
    origin: tuple[float, float] = (0.0, 0.0)
    unit: str = "px"


def measure(
    labels: NDArray[Any],
    channels: Mapping[str, NDArray[Any]] | None = None,
    place: Place | None = None,
) -> Table:
    """Measure all objects of a plane.

    Parameters
    ----------
    labels : (Y, X) integers
        Objects by their ids; 0 is no object.
    channels : mapping of str to (Y, X) arrays, optional
        Grey values by the name of their channel.
    place : Place, optional

    Returns
    -------
    dict of str to (n,) arrays
        Columns of a table with a row for each object, as the `features` of a Labels layer of
        napari: the column "index" holds the ids.
    """
    place, channels = place or Place(), channels or {}
    names = ("label", "area", *_LENGTHS, *_SHARES, "centroid")
    found = regionprops_table(labels, properties=names, spacing=place.spacing)
    unit = place.unit
    table: Table = {"index": found["label"], f"area ({unit}²)": found["area"]}
    table |= {f"{name} ({unit})": found[key] for key, name in _LENGTHS.items()}
    table |= {key: found[key] for key in _SHARES}
    for axis, origin, name in zip((0, 1), place.origin, "yx", strict=True):
        table[f"centroid {name} ({unit})"] = found[f"centroid-{axis}"] + origin
    for channel, values in channels.items():
        greys = regionprops_table(labels, values, properties=tuple(_GREYS))
        table |= {f"{channel} {name}": greys[key] for key, name in _GREYS.items()}
    return table


def stacked(tables: Sequence[Table], positions: Mapping[str, Sequence[int]]) -> Table:
    """One table of the objects of several planes.

    Parameters
    ----------
    tables : of each plane, with ids that no other plane has
    positions : for each axis of the stack by its name, where each plane lies
    """
    rows = [len(table["index"]) for table in tables]
    whole = {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}
    where = {axis: np.repeat(np.asarray(at, int), rows) for axis, at in positions.items()}
    return {"index": whole.pop("index"), **where, **whole}
