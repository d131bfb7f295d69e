"""Writing so that it is really on the disk, and only whole."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

ASIDE = "damaged"  # the folder for what could not be read


@contextmanager
def durable(path: Path) -> Iterator[BinaryIO]:
    """A file to write to; it appears whole, and on the disk, or not at all."""
    make_folder(path.parent)
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            yield file
            sync(file)
        part.replace(path)
        sync_folder(path.parent)
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def make_folder(path: Path) -> None:
    """Make a folder, and those that it lies in, where they are not there; on the disk, too."""
    missing = [one for one in (path, *path.parents) if not one.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for one in reversed(missing):  # a name is on the disk when the folder that has it is
        sync_folder(one.parent)


def write(path: Path, data: bytes | memoryview) -> None:
    """Write a file whole and durably."""
    with durable(path) as file:
        file.write(data)


def sync(file: BinaryIO) -> None:
    """Have the system put a file's content on the disk."""
    file.flush()
    os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Have the system put a folder's list of files on the disk, where that can be asked for."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def set_aside(path: Path, start: int = 0) -> Path:
    """Copy a file from byte `start` into the folder for damaged parts; nothing is deleted."""
    target = _free(path.parent / ASIDE, path.name)
    with path.open("rb") as source, durable(target) as copy:
        source.seek(start)
        while piece := source.read(1 << 20):
            copy.write(piece)
    return target


def cut(path: Path, length: int) -> None:
    """Keep the first `length` bytes of a file."""
    with path.open("r+b") as file:
        file.truncate(length)
        sync(file)


def move_aside(path: Path) -> Path:
    """Move a file into the folder for damaged parts."""
    target = _free(path.parent / ASIDE, path.name)
    make_folder(target.parent)
    path.replace(target)
    sync_folder(path.parent)
    return target


def _free(folder: Path, name: str) -> Path:
    """A file name in `folder` that is not taken."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    for number in range(1, 1000):
        path = folder / f"{stamp}-{number}-{name}"
        if not path.exists():
            return path
    return folder / f"{stamp}-{time.time_ns()}-{name}"
