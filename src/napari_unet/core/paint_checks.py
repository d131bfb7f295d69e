"""Refuses paint that cannot be trained on, with a sentence that says what to do."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_CLASSES = 255


class AnnotationError(ValueError):
    """Paint that cannot be trained on; the message says what to do."""


def check_class_map(paint: NDArray[Any]) -> None:
    """Refuse what is not a plane of class numbers 0…255.

    Raises
    ------
    AnnotationError
    """
    check_whole_numbers(paint)
    if not paint.size:
        return
    low, high = int(paint.min()), int(paint.max())
    if low < 0 or high > MAX_CLASSES:
        raise AnnotationError(
            f"Annotations hold the value {low if low < 0 else high}, but classes go from 1 to 255. "
            "Is this an image of objects? On the command line say --objects; in the panel unfold "
            "“Paint from a layer…”."
        )


def check_whole_numbers(paint: NDArray[Any]) -> None:
    """Refuse what is not a plane of whole numbers.

    Raises
    ------
    AnnotationError
    """
    if paint.ndim != 2:
        raise AnnotationError(
            f"Annotations must be one plane (Y, X) of class numbers, not of shape {paint.shape}."
        )
    if not np.issubdtype(paint.dtype, np.integer):
        raise AnnotationError(
            f"Annotations hold {paint.dtype} values; save them as whole numbers: "
            "0 for unlabelled, 1, 2, … for the classes."
        )


def check_shapes(paint: tuple[int, ...], image: tuple[int, ...]) -> None:
    """Refuse paint of another size than its image, in px.

    Raises
    ------
    AnnotationError
    """
    if tuple(paint) != tuple(image):
        raise AnnotationError(
            f"The strokes are {_px(paint)} but the image is {_px(image)}: "
            "paint on a layer of the image's own size."
        )


def check_classes(counts: NDArray[np.int64], classes: int) -> None:
    """Refuse paint of a class that is not there; `counts` of painted pixels, by value.

    Raises
    ------
    AnnotationError
    """
    if counts[classes + 1 :].any():
        number = int(np.flatnonzero(counts)[-1])
        raise AnnotationError(
            f"Class {number} is painted but there are only {classes} classes: "
            "add the class, or erase that paint."
        )


def _px(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) + " px"


def check_trainable(counts: NDArray[np.int64]) -> None:
    """Refuse paint from which nothing can be learnt, by the pixels painted of each class.

    Raises
    ------
    AnnotationError
        If no class or only one is painted.
    """
    painted = np.flatnonzero(counts)
    if len(painted) == 0:
        raise AnnotationError(
            "Nothing is painted yet: paint a stroke inside each of at least two classes."
        )
    if len(painted) == 1:
        raise AnnotationError(
            f"Only class {painted[0]} is painted: paint a stroke of a second class, so that "
            "there is something to tell it from."
        )
