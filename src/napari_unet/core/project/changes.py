"""What the log of strokes holds: changes of paint and of the classes, each with before and after.

A change of paint lies inside one block of the annotations, so that no record can ask for more
memory than a block has.
"""

from __future__ import annotations

import zlib
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

import msgspec
import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from napari_unet.core.annotations import BLOCK, MAX_CLASSES, Annotations, Block, ClassMap
from napari_unet.core.project.errors import DamagedError

T = TypeVar("T")
Px = Annotated[int, Meta(ge=0, le=2**31)]
Side = Annotated[int, Meta(ge=1, le=BLOCK)]
Plane: TypeAlias = tuple[int, tuple[int, ...]]  # number of the image, index of the plane in it
_MOST_BYTES = BLOCK * BLOCK
LONGEST_NAME = 500  # characters of a class's name


class LabelClass(Struct, frozen=True):
    """One class.

    Attributes
    ----------
    name : what people call it.
    colour : as #rrggbb.
    objects : its objects are told apart as they are painted.
    """

    name: Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME)]
    colour: Annotated[str, Meta(pattern="^#[0-9a-fA-F]{6}$")]
    objects: bool = False


LabelClasses: TypeAlias = Annotated[tuple[LabelClass, ...], Meta(max_length=MAX_CLASSES)]


class Painted(Struct, frozen=True, tag="painted"):
    """Paint that changed in a box inside one block of a plane.

    Attributes
    ----------
    image, index : the plane.
    shape : (Y, X) of the plane, px.
    y, x, height, width : the box, px.
    mask : which of its pixels changed, as compressed bits.
    before, after : their values 0…255; one byte if all are the same, else compressed.
    """

    image: Px
    index: Annotated[tuple[Px, ...], Meta(max_length=8)]
    shape: tuple[Px, Px]
    y: Px
    x: Px
    height: Side
    width: Side
    mask: Annotated[bytes, Meta(max_length=_MOST_BYTES)]
    before: Annotated[bytes, Meta(min_length=1, max_length=2 * _MOST_BYTES)]
    after: Annotated[bytes, Meta(min_length=1, max_length=2 * _MOST_BYTES)]

    @property
    def plane(self) -> Plane:
        """Which plane it is on."""
        return self.image, self.index

    def where(self) -> NDArray[np.bool_]:
        """Which pixels of the box changed: (height, width).

        Raises
        ------
        DamagedError
        """
        inside = (
            self.y + self.height <= self.shape[0]
            and self.x + self.width <= self.shape[1]
            and self.y // BLOCK == (self.y + self.height - 1) // BLOCK
            and self.x // BLOCK == (self.x + self.width - 1) // BLOCK
        )
        if not inside:
            raise DamagedError("a stroke lies outside its plane")
        area = self.height * self.width
        bits = np.frombuffer(unpacked(self.mask, (area + 7) // 8), np.uint8)
        return np.unpackbits(bits, count=area).reshape(self.height, self.width).astype(bool)

    def values(self, *, after: bool = True) -> tuple[NDArray[np.bool_], ClassMap]:
        """The pixels that changed, and their values after (or before) it.

        Raises
        ------
        DamagedError
        """
        where = self.where()
        packed = self.after if after else self.before
        count = int(np.count_nonzero(where))
        if len(packed) == 1:
            return where, np.full(count, packed[0], np.uint8)
        return where, np.frombuffer(unpacked(packed, count), np.uint8)

    def inverted(self) -> Painted:
        """What takes it back."""
        return msgspec.structs.replace(self, before=self.after, after=self.before)


class Classes(Struct, frozen=True, tag="classes"):
    """The classes became others."""

    before: LabelClasses
    after: LabelClasses

    def inverted(self) -> Classes:
        """What takes it back."""
        return Classes(self.after, self.before)


Change: TypeAlias = Painted | Classes


class Entry(Struct, frozen=True):
    """One record of the log: changes that belong together.

    Attributes
    ----------
    time : seconds since 1970 (UTC).
    how : "do" for what the user did, "more" if it goes on with the entry before, "undo" and
        "redo" for steps through the history, "base" for what is not to be undone.
    """

    time: float
    changes: tuple[Change, ...]
    how: Literal["do", "more", "undo", "redo", "base"] = "do"

    def encoded(self) -> bytes:
        """Its bytes in the log."""
        return msgspec.msgpack.encode(self)


def decoded(body: bytes) -> Entry:
    """An entry from its bytes; every change in it can be applied.

    Raises
    ------
    DamagedError
    """
    entry = packed_as(Entry, body)
    for change in entry.changes:
        if isinstance(change, Painted):
            change.values()
            change.values(after=False)
    return entry


def packed_as(kind: type[T], body: bytes) -> T:
    """A value of that type from MessagePack bytes.

    Raises
    ------
    DamagedError
    """
    try:
        return msgspec.msgpack.decode(body, type=kind)
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError) as error:
        raise DamagedError(str(error)) from error


def difference(plane: Plane, before: Annotations | None, after: Annotations) -> tuple[Painted, ...]:
    """What changed on a plane, block by block; blocks that both share cost nothing."""
    old = {(b.y, b.x): b for b in before.blocks} if before is not None else {}
    new = {(b.y, b.x): b for b in after.blocks}
    changes = []
    for key in sorted(old.keys() | new.keys()):
        was, now = old.get(key), new.get(key)
        if was is now:
            continue
        some = now or was
        assert some is not None  # noqa: S101 - one of both has it
        a = was.values if was is not None else np.zeros_like(some.values)
        b = now.values if now is not None else np.zeros_like(some.values)
        change = _painted(plane, after.sides, some, a, b)
        if change is not None:
            changes.append(change)
    return tuple(changes)


def _painted(
    plane: Plane, shape: tuple[int, int], block: Block, before: ClassMap, after: ClassMap
) -> Painted | None:
    changed = before != after
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    if not len(rows):
        return None
    y, x = int(rows[0]), int(columns[0])
    box = np.s_[y : int(rows[-1]) + 1, x : int(columns[-1]) + 1]
    where = changed[box]
    return Painted(
        image=plane[0],
        index=plane[1],
        shape=shape,
        y=block.y + y,
        x=block.x + x,
        height=where.shape[0],
        width=where.shape[1],
        mask=zlib.compress(np.packbits(where).tobytes(), 1),
        before=_packed(before[box][where]),
        after=_packed(after[box][where]),
    )


def _packed(values: NDArray[Any]) -> bytes:
    first = int(values[0])
    if (values == first).all():
        return bytes([first])
    return zlib.compress(values.tobytes(), 1)


def unpacked(data: bytes, size: int) -> bytes:
    """Decompress to exactly `size` bytes, and never to more.

    Raises
    ------
    DamagedError
    """
    stream = zlib.decompressobj()
    try:
        plain = stream.decompress(data, size + 1)
    except zlib.error as error:
        raise DamagedError(str(error)) from error
    if len(plain) != size or not stream.eof:
        raise DamagedError(f"{len(plain)} bytes instead of {size}")
    return plain
