"""What the values of paint mean where the objects of a class are told apart.

Values under 128 are classes. Those from 128 on are ids of objects, dealt in turn to the classes
whose objects have ids; where there are none, they are classes, too. Connected paint of one id is
one object, so an id may be used again further off, and paint stays as small as that of classes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FIRST_ID = 128
VALUES = 256  # of paint


def classes_of_values(objects: tuple[int, ...]) -> NDArray[np.uint8]:
    """The class of each value of paint: (256,) uint8.

    Parameters
    ----------
    objects : tuple of int
        The classes whose objects have ids.
    """
    classes: NDArray[np.uint8] = np.arange(VALUES, dtype=np.uint8)
    if objects:
        classes[FIRST_ID:] = np.resize(objects, VALUES - FIRST_ID)
    return classes


def ids_of(number: int, objects: tuple[int, ...]) -> tuple[int, ...]:
    """The values of paint that are ids of objects of a class; none where it has no ids."""
    classes = classes_of_values(objects)
    return tuple(v for v in range(FIRST_ID, VALUES) if objects and classes[v] == number)


def changed_ids(before: tuple[int, ...], after: tuple[int, ...]) -> NDArray[np.uint8]:
    """New values (256,) uint8 for paint when other classes have ids: each class keeps its own.

    Objects of a class that has ids no longer become paint of that class.
    """
    values: NDArray[np.uint8] = np.arange(VALUES, dtype=np.uint8)
    for number in before:
        old, new = ids_of(number, before), ids_of(number, after) or (number,)
        values[list(old)] = np.resize(new, len(old))
    return values


def without_class(number: int, objects: tuple[int, ...]) -> NDArray[np.uint8]:
    """New values (256,) uint8 for paint when a class is removed: its own 0, those above one less.

    Ids of objects, which a class among `objects` has, stay what they are.
    """
    values: NDArray[np.uint8] = np.arange(VALUES, dtype=np.uint8)
    values[number] = 0
    values[number + 1 : FIRST_ID if objects else None] -= 1
    return values
