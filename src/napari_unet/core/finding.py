"""Which image files there are in folders, in natural order."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from fnmatch import fnmatch
from pathlib import Path

from napari_unet.core.files import READABLE, SUFFIXES, FileError, reason

ZARR = ".zarr"
RESULTS = ".napari-unet"  # a folder with such a one in it holds results, not images


def find_images(
    folder: Path,
    pattern: str = "*",
    *,
    deep: bool = False,
    formats: Collection[str] = SUFFIXES,
    without: Path | None = None,
) -> list[Path]:
    """The image files of a folder in natural order: a2 before a10.

    Parameters
    ----------
    folder : Path
    pattern : str
        What file names must match, with `*` and `?`, for example `*_dapi.tif`.
    deep : bool
        Look into sub-folders too, but not into those with results of this program.
    formats : collection of str
        Ends of the names of image files; a folder with such a name (OME-Zarr) is one image.
    without : Path, optional
        A folder that is not looked into.

    Raises
    ------
    FileError
        If the folder is not there, may not be read, or holds no such file.
    """
    if not folder.is_dir():
        raise FileError(f"There is no folder {folder}: check how it is written.")
    found: list[Path] = []
    todo = [folder]
    while todo:
        for path in _entries(todo.pop()):
            if path.name.startswith("."):
                continue
            if path.suffix.lower() in formats:
                found += [path] * fnmatch(path.name, pattern)
            elif deep and path.is_dir() and not _left_out(path, without):
                todo.append(path)
    found = [path for path in found if path.is_file() or path.suffix.lower() == ZARR]
    if not found:
        named = "" if pattern == "*" else f" whose name matches {pattern}"
        where = " and its sub-folders hold" if deep else " holds"
        raise FileError(f"The folder {folder}{where} no image{named}; {READABLE}.")
    return sorted(found, key=lambda path: [natural(p) for p in path.relative_to(folder).parts])


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


def _left_out(folder: Path, without: Path | None) -> bool:
    if folder.is_symlink() or (folder / RESULTS).exists():
        return True
    return without is not None and folder.resolve() == without.resolve()


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise FileError(f"The folder {folder} cannot be read: {reason(error)}.") from error


def natural(name: str) -> list[tuple[int, str]]:
    """Sort key in which numbers count as numbers."""
    parts = re.split(r"(\d+)", name.casefold())
    return [(int(p), "") if p.isdigit() else (-1, p) for p in parts]
