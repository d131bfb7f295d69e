"""All paint in compressed sparse blocks, as it was after so many entries of the log.

The log alone is enough. The snapshot is for the day when the log is damaged in its middle.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta, Struct

from napari_unet.core.annotations import BLOCK, Annotations, Block
from napari_unet.core.project import disk
from napari_unet.core.project.canvas import Work
from napari_unet.core.project.changes import LabelClasses, Plane, Px, packed_as, unpacked
from napari_unet.core.project.errors import DamagedError
from napari_unet.core.project.frames import frame, whole_frames
from napari_unet.core.project.room import Room

MAGIC = b"unetsna1"
Number = Annotated[int, Meta(ge=0)]


class _Head(Struct, frozen=True):
    entries: Number
    planes: Number
    classes: LabelClasses


class _Plane(Struct, frozen=True):
    image: Px
    index: Annotated[tuple[Px, ...], Meta(max_length=8)]
    shape: tuple[Px, Px]
    blocks: tuple[tuple[Px, Px, bytes], ...]  # first row, first column, compressed values


class Snapshot(Struct, frozen=True):
    """What the paint was after `entries` entries of the log."""

    entries: int
    work: Work


def write(
    path: Path, entries: int, planes: Mapping[Plane, Annotations], classes: LabelClasses
) -> None:
    """Write a snapshot whole and durably.

    Raises
    ------
    DamagedError
        If it could not be read again; what is on the disk stays.
    OSError
    """
    head = msgspec.msgpack.encode(_Head(entries, len(planes), classes))
    packed_as(_Head, head)
    with disk.durable(path) as file:
        file.write(MAGIC)
        file.write(frame(head))
        for (image, index), paint in planes.items():
            blocks = tuple((b.y, b.x, zlib.compress(b.values.tobytes(), 1)) for b in paint.blocks)
            file.write(frame(msgspec.msgpack.encode(_Plane(image, index, paint.sides, blocks))))


def read(path: Path) -> Snapshot:
    """Read a snapshot.

    Raises
    ------
    DamagedError
        If any of it is not whole.
    ProjectError
        If its paint takes more memory than there is.
    OSError
    """
    with BytesIO(path.read_bytes()) as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise DamagedError("it is no snapshot")
        bodies = [body for body, _ in whole_frames(file)]
    if not bodies:
        raise DamagedError("it is empty")
    head = packed_as(_Head, bodies[0])
    planes = [packed_as(_Plane, body) for body in bodies[1:]]
    if len(planes) != head.planes:
        raise DamagedError(f"{len(planes)} planes instead of {head.planes}")
    room = Room()
    for plane in planes:
        room.take(len(plane.blocks), plane.shape)
    work = Work({(p.image, p.index): _annotations(p) for p in planes}, head.classes)
    return Snapshot(head.entries, work)


def _annotations(plane: _Plane) -> Annotations:
    blocks = []
    for y, x, data in plane.blocks:
        height, width = min(BLOCK, plane.shape[0] - y), min(BLOCK, plane.shape[1] - x)
        if y % BLOCK or x % BLOCK or height <= 0 or width <= 0:
            raise DamagedError("a block lies outside its plane")
        values = np.frombuffer(unpacked(data, height * width), np.uint8).reshape(height, width)
        blocks.append(Block(y, x, values))
    return Annotations(plane.shape, tuple(sorted(blocks, key=lambda b: (b.y, b.x))))
