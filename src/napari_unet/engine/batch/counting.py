"""The objects of an image, plane by plane, and the tables of their measurements."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.calibration import Spacing
from napari_unet.core.measurements import Place, Table, measure
from napari_unet.core.objects import find_objects
from napari_unet.core.objects_parts import ArrayLike
from napari_unet.core.recipe import Recipe
from napari_unet.core.stack import Stack


class Counting:
    """Numbers the objects of an image from 1, over all its classes and planes.

    Parameters
    ----------
    recipe : which objects are wanted, and whether they are measured
    classes : names of the classes
    stack : the image

    Attributes
    ----------
    count : objects so far
    tables : of measurements, for each plane and class
    """

    def __init__(self, recipe: Recipe, classes: tuple[str, ...], stack: Stack) -> None:
        self._recipe, self._classes = recipe, classes
        self._place, self._channels = _place(stack.spacing), stack.channels
        self.count = 0
        self.tables: list[Table] = []

    def add(
        self,
        classes: NDArray[np.uint8],
        plane: NDArray[Any],
        where: Mapping[str, int],
        certainty: ArrayLike | None = None,
    ) -> NDArray[np.uint32]:
        """Number the objects of one plane.

        Parameters
        ----------
        classes : (Y, X)
        plane : (C, Y, X)
        where : the plane's place in a stack: axis → number from 0
        certainty : (Y, X) uint8, the probability of each pixel's class; None: cut by shape alone

        Returns
        -------
        (Y, X), 0 where there is no object.
        """
        whole = np.zeros(classes.shape, np.uint32)
        for number in self._recipe.of or range(2, len(self._classes) + 1):
            found = find_objects(
                classes, number, self._recipe.objects, probability=certainty
            ).astype(np.uint32)
            found[found > 0] += self.count
            self.count = max(self.count, int(found.max(initial=0)))
            whole += found  # a pixel has one class
            if "measurements" in self._recipe.kinds:
                table = measure(found, self._named(plane), self._place)
                objects = table.pop("index")
                front = {"class": self._name(number)} | {a.lower(): n for a, n in where.items()}
                same = {name: np.full(len(objects), value) for name, value in front.items()}
                self.tables.append({"object": objects, **same, **table})
        return whole

    def _named(self, plane: NDArray[Any]) -> dict[str, NDArray[Any]]:
        chosen = self._recipe.channels or range(1, len(plane) + 1)
        known = self._channels if len(set(self._channels)) == len(self._channels) else ()
        names = [known[n - 1] if n <= len(known) else f"channel {n}" for n in chosen]
        return dict(zip(names, plane, strict=True))

    def _name(self, number: int) -> str:
        return self._classes[number - 1] if number <= len(self._classes) else f"class {number}"


def write_table(path: Path, name: str, tables: Iterable[Table]) -> None:
    """Write the measurements of one image, called `name` in the first column."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        for number, table in enumerate(tables):
            if number == 0:
                writer.writerow(["file", *table])
            for row in zip(*(column.tolist() for column in table.values()), strict=True):
                writer.writerow([name, *row])


def join_tables(path: Path, tables: Iterable[Path]) -> None:
    """Write the rows of all tables into one, with the columns of them all."""
    tables = list(tables)
    columns: dict[str, None] = {}  # in the order in which they are first seen
    for table in tables:
        with table.open(encoding="utf-8", newline="") as file:
            columns |= dict.fromkeys(csv.DictReader(file).fieldnames or ())
    with path.open("w", encoding="utf-8", newline="") as joined:
        writer = csv.DictWriter(joined, list(columns))
        writer.writeheader()
        for table in tables:
            with table.open(encoding="utf-8", newline="") as file:
                writer.writerows(csv.DictReader(file))


def _place(spacing: Spacing) -> Place:
    """The size of a pixel, in px where the file does not say it."""
    (height, unit), (width, other) = (spacing.get(axis, (1.0, "")) for axis in "YX")
    return Place((height, width), unit=unit) if unit and unit == other else Place()
