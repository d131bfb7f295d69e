"""What of the paint is never learnt from.

Strokes that the engine holds out, and images that the user keeps for validation.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping

from napari.layers import Image

from napari_unet.core.annotations import Annotations
from napari_unet.widgets.planes import Index


class HeldOut:
    """What is held out of each image, by its layer; it outlives engines and bindings."""

    def __init__(self) -> None:
        self._strokes: weakref.WeakKeyDictionary[Image, dict[Index, Annotations]] = (
            weakref.WeakKeyDictionary()
        )
        self._aside: weakref.WeakSet[Image] = weakref.WeakSet()

    def strokes(self, image: Image, index: Index) -> Annotations | None:
        """What the engine holds out on a plane, as paint of classes; None if it never said."""
        return self._strokes.get(image, {}).get(index)

    def all_strokes(self, image: Image) -> Mapping[Index, Annotations]:
        """The same of all planes of an image that it told of."""
        return self._strokes.get(image, {})

    def note(self, image: Image, strokes: Mapping[Index, Annotations]) -> None:
        """The engine holds out these strokes now."""
        self._strokes.setdefault(image, {}).update(strokes)

    def aside(self, image: Image) -> bool:
        """Whether the user keeps an image for validation."""
        return image in self._aside

    def put_aside(self, image: Image, *, aside: bool) -> None:
        """Keep an image for validation, or learn from it again."""
        (self._aside.add if aside else self._aside.discard)(image)
