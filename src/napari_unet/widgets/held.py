"""What of the paint is never learnt from.

Strokes that the engine holds out, and images that the user keeps for validation.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping

from napari.layers import Image

from napari_unet.core.annotations import Annotations, Block, strokes
from napari_unet.widgets.planes import Index

MANY = 5  # strokes held out; a score on fewer says little


class HeldOut:
    """What is held out of each image, by its layer; it outlives engines and bindings."""

    def __init__(self) -> None:
        self._strokes: weakref.WeakKeyDictionary[Image, dict[Index, Annotations]] = (
            weakref.WeakKeyDictionary()
        )
        self._numbers: weakref.WeakKeyDictionary[Image, dict[Index, int]] = (
            weakref.WeakKeyDictionary()
        )
        self._aside: weakref.WeakSet[Image] = weakref.WeakSet()

    def strokes(self, image: Image, index: Index) -> Annotations | None:
        """What the engine holds out on a plane, as paint of classes; None if it never said."""
        return self._strokes.get(image, {}).get(index)

    def all_strokes(self, image: Image) -> Mapping[Index, Annotations]:
        """The same of all planes of an image that it told of."""
        return self._strokes.get(image, {})

    def note(self, image: Image, held: Mapping[Index, Annotations]) -> None:
        """The engine holds out these strokes now."""
        self._strokes.setdefault(image, {}).update(held)
        numbers = {index: _number(paint) for index, paint in held.items()}
        self._numbers.setdefault(image, {}).update(numbers)

    def number(self, images: Iterable[Image]) -> int:
        """How many strokes of these images are held out; from `MANY` on, not exactly."""
        return sum(sum(self._numbers.get(image, {}).values()) for image in images)

    def aside(self, image: Image) -> bool:
        """Whether the user keeps an image for validation."""
        return image in self._aside

    def put_aside(self, image: Image, *, aside: bool) -> None:
        """Keep an image for validation, or learn from it again."""
        (self._aside.add if aside else self._aside.discard)(image)


def _number(paint: Annotations) -> int:
    """How many strokes there are on a plane; `MANY` are not looked beyond."""
    found = 0
    for block in paint.blocks:
        if found < MANY:
            found += _beginning(block)
    return min(found, MANY)


def _beginning(block: Block) -> int:
    """How many strokes are in a block that do not come from the blocks above or left of it."""
    numbered = strokes(block.values)
    before = set(numbered[0].tolist() if block.y else ())
    before |= set(numbered[:, 0].tolist() if block.x else ())
    return int(numbered.max()) - len(before - {0})
