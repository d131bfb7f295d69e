"""Which image files there are in folders, in natural order."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from napari_unet.core.files import READABLE, SUFFIXES, FileError


def find_images(folder: Path, pattern: str = "*") -> list[Path]:
    """The image files of a folder (not of its sub-folders) in natural order: a2 before a10.

    Parameters
    ----------
    folder : Path
    pattern : str
        What file names must match, with `*` and `?`, for example `*_dapi.tif`.

    Raises
    ------
    FileError
        If the folder is not there or holds no such file.
    """
    if not folder.is_dir():
        raise FileError(f"There is no folder {folder}: check how it is written.")
    found = [
        path
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES
        and not path.name.startswith(".")
        and fnmatch(path.name, pattern)
        and path.is_file()
    ]
    if not found:
        named = "" if pattern == "*" else f" whose name matches {pattern}"
        raise FileError(f"The folder {folder} holds no image{named}; {READABLE}.")
    return sorted(found, key=lambda path: _natural(path.name))


def gather(places: Sequence[Path], pattern: str = "*") -> list[Path]:
    """The image files among files and folders, each folder's in natural order.

    Raises
    ------
    FileError
        If a file or folder is not there, or a folder holds no image.
    """
    files: list[Path] = []
    for place in places:
        if place.is_dir():
            files += find_images(place, pattern)
        elif place.exists():
            files.append(place)
        else:
            raise FileError(f"There is no file or folder {place}: check how it is written.")
    return files


def _natural(name: str) -> list[tuple[int, str]]:
    """Sort key in which numbers count as numbers."""
    parts = re.split(r"(\d+)", name.casefold())
    return [(int(p), "") if p.isdigit() else (-1, p) for p in parts]
