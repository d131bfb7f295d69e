"""The files that images come from: how they are named in a project, and found again."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from napari_unet.core.files import printable
from napari_unet.core.project import disk
from napari_unet.core.project.errors import DamagedError, ProjectError
from napari_unet.core.project.manifest import File, Source

SMALL = 4 << 20  # bytes; images up to this size are copied into the project
TOO_LARGE = 1 << 30  # bytes; images without a file are copied up to this size
_PIECE = 1 << 20  # bytes
_PIECES = 64  # of a larger file, so many are read for its checksum
_ELSEWHERE = re.compile(r"[\\/]{2}|[a-zA-Z][a-zA-Z0-9+.-]+:")  # network shares and addresses
# Bytes of names that are no UTF-8, as Python has them and as they are written: JSON holds text
_STAND_INS = {0xDC80 + byte: 0xEF80 + byte for byte in range(128)}
_BYTES = {stand_in: byte for byte, stand_in in _STAND_INS.items()}


def link(path: str, folder: Path) -> str:
    """How a file is named in the project in `folder`: relative, where they share a drive."""
    if not is_near(path):
        return printable(path)
    try:
        name = Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive
        name = Path(path).as_posix()
    return printable(name.translate(_STAND_INS))


def unlinked(name: str, folder: Path) -> str:
    """The absolute path of a file that is named in the project in `folder`.

    A project can come from a stranger, and looking for a file on a network share tells its owner
    who looks. Such names are left as they are, and `is_near` is false for them.
    """
    if not is_near(name):
        return name
    return Path(os.path.normpath(folder / name.translate(_BYTES))).as_posix()


def is_near(path: str) -> bool:
    """Whether a file may be looked for without asking: it is on a drive of this computer."""
    return "\0" not in path and not _ELSEWHERE.match(path)


def fingerprint(path: Path) -> File:
    """Path, size in bytes and checksum of a file; of a large one, of pieces all over it.

    A folder (OME-Zarr) has neither size nor checksum.

    Raises
    ------
    OSError
    """
    if path.is_dir():
        return File(path.as_posix())
    size = path.stat().st_size
    digest = hashlib.blake2b(str(size).encode(), digest_size=16)
    pieces = -(-size // _PIECE)
    chosen = range(pieces) if pieces <= _PIECES else np.linspace(0, pieces - 1, _PIECES).astype(int)
    with path.open("rb") as file:
        for number in chosen:
            file.seek(int(number) * _PIECE)
            digest.update(file.read(_PIECE))
    return File(path.as_posix(), size, digest.hexdigest())


def is_same(path: Path, known: File) -> bool:
    """Whether a file is there and holds what it held.

    Raises
    ------
    OSError
    """
    if not path.exists():
        return False
    if not known.checksum:
        return True
    found = fingerprint(path)
    return (found.size, found.checksum) == (known.size, known.checksum)


def is_there(path: Path, known: File) -> bool:
    """Whether a file or folder is where somebody says, and the same; no pipe or device is opened.

    What cannot be looked at (a name that is too long, a folder that may not be read) is not there.
    """
    try:
        return (path.is_file() or path.is_dir()) and is_same(path, known)
    except OSError:
        return False


def copy_in(folder: Path, name: str, pixels: NDArray[Any]) -> File:
    """Write an image's pixels into the project, as `name` in its folder.

    Raises
    ------
    OSError
    """
    path = folder / name
    with disk.durable(path) as file:
        np.save(file, pixels, allow_pickle=False)
    return msgspec.structs.replace(fingerprint(path), path=name)


def copied(folder: Path, source: Source) -> NDArray[Any]:
    """The pixels of an image that was copied into the project, read as they are needed.

    Raises
    ------
    ProjectError
        If the copy is missing, damaged or of another image. It is mapped, so that its header
        cannot ask for more memory than the file has.
    """
    try:
        if source.copy is None or not is_there(folder / source.copy.path, source.copy):
            raise DamagedError("it is missing or has changed")
        pixels: NDArray[Any] = np.lib.format.open_memmap(folder / source.copy.path, mode="r")
        shape = pixels.shape[:-1] if source.rgb else pixels.shape
        if tuple(shape) != source.lengths or str(pixels.dtype) != source.dtype:
            raise DamagedError("it has another size or type")
    except Exception as error:  # what NumPy raises on damaged headers is not under our control
        raise ProjectError(
            f"The copy of “{source.name}” in the project cannot be used: {error}."
        ) from error
    return pixels
