"""What a model was made of, as its file tells it: libraries, images and strokes."""

from __future__ import annotations

import hashlib
import platform
from importlib.metadata import PackageNotFoundError, version
from itertools import zip_longest
from math import prod
from typing import Annotated, Any, TypeAlias

import msgspec
import numpy as np
import scipy  # loads what it needs only where it is used
from msgspec import Meta, Struct
from numpy.typing import NDArray

from napari_unet.core.annotations import Annotations, strokes
from napari_unet.core.objects_ids import classes_of_values

MOST = 2000  # strokes of which the place is told
_LIBRARIES = ("torch", "numpy", "scipy", "scikit-image", "safetensors", "napari")
_LARGE = 1 << 26  # px of a plane; strokes on larger ones are not counted
Text: TypeAlias = Annotated[str, Meta(max_length=1024)]
Count: TypeAlias = Annotated[int, Meta(ge=0)]


class Stroke(Struct, frozen=True, array_like=True):
    """A connected stroke: its class 1…K, the box around it and how many pixels it has, in px."""

    of: Annotated[int, Meta(ge=1, le=255)]
    y: Count
    x: Count
    height: Count
    width: Count
    pixels: Count


class Image(Struct, frozen=True):
    """An image that was learnt from.

    Attributes
    ----------
    name : of its file or layer, as far as known.
    shape : (C, Y, X) or (C, Z, Y, X)
    dtype : of its grey values.
    checksum : BLAKE2b-128 of its grey values in C order, as (C, Y, X); empty for planes so large
        that they were not read as a whole.
    painted : pixels of each class 1…K.
    count : how many strokes there are.
    strokes : where they are, of so many as a file may tell.
    aside : it was kept for validation, so its strokes were only judged by.
    """

    name: Text
    shape: Annotated[tuple[Count, ...], Meta(max_length=4)]
    dtype: Annotated[str, Meta(max_length=16)]
    checksum: Annotated[str, Meta(max_length=128)] = ""
    painted: Annotated[tuple[Count, ...], Meta(max_length=255)] = ()
    count: Count = 0
    strokes: Annotated[tuple[Stroke, ...], Meta(max_length=MOST)] = ()
    aside: bool = False


class Provenance(Struct, frozen=True):
    """What a model was made of.

    Attributes
    ----------
    libraries : name and version.
    system : Python and the operating system.
    images : those that were learnt from.
    score : share of the held-out strokes' pixels that was right (0…1), if any were held out.
    """

    libraries: Annotated[dict[str, Text], Meta(max_length=100)] = {}
    system: Text = ""
    images: Annotated[tuple[Image, ...], Meta(max_length=10_000)] = ()
    score: Annotated[float, Meta(ge=0, le=1)] | None = None

    @property
    def learnt(self) -> tuple[Image, ...]:
        """The images whose strokes were not only judged by."""
        return tuple(image for image in self.images if not image.aside)

    @property
    def strokes(self) -> int:
        """How many strokes were painted in all, on images that were learnt from."""
        return sum(image.count for image in self.learnt)

    @property
    def painted(self) -> tuple[int, ...]:
        """Painted pixels of each class 1…K, on images that were learnt from."""
        each = zip_longest(*(image.painted for image in self.learnt), fillvalue=0)
        return tuple(map(sum, each))


class Notes:
    """What was looked at once is not looked at again while it stays the same."""

    def __init__(self) -> None:
        self._checksums: dict[str, tuple[object, str]] = {}
        self._marks: dict[str, tuple[Annotations, tuple[Stroke, ...]]] = {}

    def image(self, key: str, name: str, raw: NDArray[Any], paint: Annotations) -> Image:
        """Take note of a plane (C, Y, X) and the paint on it; `key` is its own."""
        known = self._marks.get(key)
        if known is None or known[0] is not paint:
            known = self._marks[key] = (paint, _marks(paint))
        counts = np.zeros(256, np.int64)
        np.add.at(counts, classes_of_values(paint.objects), paint.counts)
        counts = counts[1:]
        painted = counts[: int(np.flatnonzero(counts).max(initial=-1)) + 1]
        return Image(
            name, tuple(int(n) for n in raw.shape), str(raw.dtype), self._checksum(key, raw),
            tuple(painted.tolist()), len(known[1]), known[1],
        )  # fmt: skip

    def _checksum(self, key: str, raw: Any) -> str:  # noqa: ANN401
        if not isinstance(raw, np.ndarray):
            return ""  # too large to be here as a whole
        known = self._checksums.get(key)
        if known is None or known[0] is not raw:
            known = self._checksums[key] = (raw, checksum(raw))
        return known[1]


def provenance(images: tuple[Image, ...], score: float | None) -> Provenance:
    """What was learnt from, and the libraries here; places of strokes as far as they fit."""
    room, fitting = MOST, []
    for image in images:
        fitting.append(msgspec.structs.replace(image, strokes=image.strokes[:room]))
        room = max(room - len(image.strokes), 0)
    system = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    return Provenance(libraries(), system, tuple(fitting), score)


def libraries() -> dict[str, str]:
    """Versions of the libraries that decide what is computed."""
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def checksum(raw: NDArray[Any]) -> str:
    """BLAKE2b-128 of grey values in C order, whatever the byte order of this computer."""
    digest = hashlib.blake2b(digest_size=16)
    for plane in raw:  # a view of another order is copied channel by channel
        little = np.ascontiguousarray(plane, plane.dtype.newbyteorder("<"))
        digest.update(little.data.cast("B") if little.size else b"")
    return digest.hexdigest()


def _marks(paint: Annotations) -> tuple[Stroke, ...]:
    if prod(paint.shape) > _LARGE or not paint.blocks:
        return ()
    painted = paint.dense()
    numbered, classes = strokes(painted), classes_of_values(paint.objects)
    found = []
    for number, box in enumerate(scipy.ndimage.find_objects(numbered), start=1):
        inside = numbered[box] == number
        *_, rows, columns = box
        found.append(
            Stroke(
                int(classes[painted[box][inside][0]]), int(rows.start), int(columns.start),
                int(rows.stop - rows.start), int(columns.stop - columns.start), int(inside.sum()),
            )
        )  # fmt: skip
    return tuple(found)
