"""TIFF files as stacks: only the pages that a plane needs are read."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import zarr
from numpy.typing import NDArray

from napari_unet.core.calibration import described
from napari_unet.core.files import SLIDES, FileError, cannot_read, readable
from napari_unet.core.image import is_large
from napari_unet.core.stack import Index, Place, Stack, Take, as_channels

_CUT_SHORT = ("invalid page offset", "series failed to reshape")
_FLAT = "CSYX"  # the axes of a plane: channels, colours, rows, columns


@contextmanager
def open_tiff(path: Path, scene: int | None = None) -> Iterator[Stack]:
    """The planes of a TIFF file, with its axes as OME, ImageJ or tifffile noted them.

    Parameters
    ----------
    path : Path
    scene : int, optional
        Which of several images; without it there must be one only.

    Raises
    ------
    FileError
        If it cannot be read, holds several images, or axes of unknown meaning.
    """
    with readable(path), _complaints() as said:
        file = tifffile.TiffFile(path)
    with file:
        with readable(path), _complaints(said):
            stack = _stack(path, file, scene)
        if any(sign in complaint for complaint in said for sign in _CUT_SHORT):
            raise cannot_read(path, "pages are missing at its end")
        yield stack


@contextmanager
def _complaints(said: list[str] | None = None) -> Iterator[list[str]]:
    """What tifffile only logs: to it, a file that lost its end is a shorter stack."""
    said, here = [] if said is None else said, threading.get_ident()

    def hear(record: logging.LogRecord) -> None:
        if record.thread == here:
            said.append(record.getMessage())

    handler = logging.Handler()
    handler.emit = hear  # type: ignore[method-assign]
    tifffile.logger().addHandler(handler)
    try:
        yield said
    finally:
        tifffile.logger().removeHandler(handler)


def count_images(path: Path) -> int:
    """How many images a TIFF file holds, each a job of its own; 1 where it cannot be read."""
    try:
        with readable(path), _complaints(), tifffile.TiffFile(path) as file:
            return max(1, len(_images(path, file)))  # of none, who opens it will say so
    except FileError:  # who opens it will say so
        return 1


def _images(path: Path, file: tifffile.TiffFile) -> list[int]:
    """Which series are images; thumbnails are none. A scanner's file is its largest series."""
    sizes = [math.prod(series.shape) for series in file.series]
    if path.suffix.lower() in SLIDES and sizes:
        return [sizes.index(max(sizes))]
    full = [n for n, series in enumerate(file.series) if not series.keyframe.is_reduced]
    return full or list(range(len(sizes)))


def _stack(path: Path, file: tifffile.TiffFile, scene: int | None) -> Stack:
    images = _images(path, file)
    if not images:
        raise ValueError("it has no pages")
    if scene is None and len(images) > 1:
        raise FileError(f"{path} holds {len(images)} images: save the one to use as its own file.")
    chosen = scene or 0
    if chosen >= len(images):
        raise FileError(f"{path} holds no image {chosen + 1} any more: run the batch again.")
    number = images[chosen]
    series = file.series[number]
    if not math.prod(series.shape) or not series.shape:
        raise ValueError("its page has no pixels")
    axes = _roles(path, series.axes, series.shape)
    lengths = dict(zip(axes, series.shape, strict=True))
    kept = "".join(a for a in "TZ" if lengths.get(a, 1) > 1) + "YX"
    flat = "".join(a for a in axes if a in _FLAT)
    pixels: Any = None  # an array that is read window by window
    if series.dataoffset is None:
        whole, pixels = _from_pages(series, axes), _in_tiles(series)
    else:  # in one piece, also where ImageJ wrote more than 4 GB
        pixels = np.memmap(
            path, file.byteorder + series.dtype.char, "r", series.dataoffset, series.shape
        )
        whole = _from_block(pixels, axes)

    def take(place: Place) -> NDArray[Any]:
        with readable(path):
            return as_channels(whole(place), flat)

    def cut(place: Place, rows: slice, columns: slice) -> NDArray[Any]:
        sides = {"Y": rows, "X": columns}
        where = zip(axes, _at(place, axes), strict=True)
        with readable(path):
            part = np.array(pixels[tuple(sides.get(a, at) for a, at in where)])
            return as_channels(part, flat)

    shape = tuple(lengths[a] for a in kept)
    return Stack(kept, shape, take, *described(file, number), None if pixels is None else cut)


def _roles(path: Path, axes: str, shape: tuple[int, ...]) -> str:
    """The axes with what they mean here: what has no meaning is taken for Z, then for T."""
    roles, free = "", [a for a in "TZ" if a not in axes]
    for axis, length in zip(axes, shape, strict=True):
        if axis in "TZCSYX":
            roles += axis
        elif length == 1:
            roles += "_"
        elif free:
            roles += free.pop()
        else:
            raise FileError(
                f"{path} has axes of unknown meaning ({axes}, {' × '.join(map(str, shape))}): "
                "save it as OME-TIFF, in which time, Z and channels have names."
            )
    return roles


def _at(place: Place, axes: str) -> tuple[int | slice, ...]:
    """The index that takes all of a flat picture, and one number of the other axes."""
    return tuple(slice(None) if a in _FLAT else place.get(a, 0) for a in axes)


def _in_tiles(series: Any) -> Any:  # noqa: ANN401
    """A large TIFF as an array of tiles or strips; None where these are as large as its planes."""
    tile = math.prod(series.keyframe.chunks)
    if not is_large(series.keyframe.shape[:2]) or is_large((tile,)):
        return None
    return zarr.open_array(series.aszarr(level=0), mode="r")


def _from_block(whole: NDArray[Any], axes: str) -> Take:
    """A reader for pixels that lie in the file as they do in memory."""
    return lambda place: np.array(whole[_at(place, axes)])


def _from_pages(series: Any, axes: str) -> Take:  # noqa: ANN401
    """A reader that decodes only the pages that a place needs."""
    page_shape, page_axes = series.keyframe.shape, series.keyframe.axes
    outer = axes[: -len(page_axes)]
    lengths = series.shape[: len(outer)]

    def page(index: Index) -> NDArray[Any]:
        found = series[int(np.ravel_multi_index(index, lengths)) if index else 0]
        if found is None:  # OME-TIFF may leave planes out
            return np.zeros(page_shape, series.dtype)
        decoded: NDArray[Any] = found.asarray()
        return decoded

    def cut(place: Place) -> NDArray[Any]:
        chosen = [
            range(n) if a in _FLAT else [place.get(a, 0)]
            for a, n in zip(outer, lengths, strict=True)
        ]
        found = np.stack([page(index) for index in product(*chosen)])
        block = found.reshape(*map(len, chosen), *page_shape)
        here = {a: n for a, n in place.items() if a not in outer}  # pages were chosen already
        cut_out: NDArray[Any] = block[_at(here, axes)]
        return cut_out

    return cut
