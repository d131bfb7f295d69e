"""Images and label images on disk: read with one sentence for what is wrong, written whole."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from napari_unet.core.annotations import AnnotationError, check_class_map, check_whole_numbers

TIFF = (".tif", ".tiff")
PICTURES = (".png", ".jpg", ".jpeg")
SLIDES = (".svs", ".ndpi", ".scn", ".qptiff", ".btf")  # TIFF of slide scanners
SUFFIXES = (*TIFF, *PICTURES, ".npy")
_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{8}\.part")
READABLE = "TIFF, PNG, JPEG and .npy files can be read"


class FileError(ValueError):
    """A file or folder that cannot be used; the message says which one and what to do."""


def read_image(path: Path) -> NDArray[Any]:
    """Read one plane of grey or colour values.

    Returns
    -------
    (Y, X), (Y, X, 3) or (Y, X, 4) array
        Of the file's own type: 8 or 16 bit, or float.

    Raises
    ------
    FileError
        If the file is missing, empty, truncated, of another format, or a stack.
    """
    with readable(path):
        match path.suffix.lower():
            case suffix if suffix in TIFF:
                array = _read_tiff(path)
            case suffix if suffix in PICTURES:
                array = _read_picture(path, indices=False)
            case _:
                array = _read_npy(path)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def read_labels(path: Path, *, objects: bool = False) -> NDArray[Any]:
    """Read a label image: 0 unlabelled, 1…255 classes. A palette PNG gives its indices.

    `objects` takes any whole numbers, as they number objects.

    Returns
    -------
    (Y, X) integer array

    Raises
    ------
    FileError
        As `read_image`, and if the file holds colours, fractions or values over 255.
    """
    if path.suffix.lower() == ".png":
        with readable(path):
            labels = _read_picture(path, indices=True)
    else:
        labels = read_image(path)
    if labels.ndim == 3:
        raise FileError(
            f"{path} is a colour picture; save labels as one channel of whole numbers: "
            "0 for unlabelled, 1, 2, … for the classes."
        )
    if labels.dtype == bool:
        labels = labels.astype(np.uint8)
    try:
        (check_whole_numbers if objects else check_class_map)(labels)
    except AnnotationError as error:
        raise FileError(f"{path}: {error}") from error
    return labels


def write_labels(path: Path, labels: NDArray[np.uint8]) -> None:
    """Write a (Y, X) class map as compressed TIFF; the file appears whole or not at all.

    Parameters
    ----------
    path : Path
        Where to; its folder is made where needed.
    labels : (Y, X) uint8

    Raises
    ------
    FileError
        If the file cannot be written.
    """
    try:
        with replacing(path) as part:
            tifffile.imwrite(part, labels, compression="zlib", photometric="minisblack")
    except OSError as error:
        raise FileError(f"{path} cannot be written: {reason(error)}.") from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`, and rename it to `path` if all went well.

    What was written is on the disk before the name is, so that a power cut leaves the old file
    or the new one, never half of one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = temporary(path)
    try:
        yield part
        flush(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def temporary(path: Path) -> Path:
    """A hidden name beside `path` that no other process uses, see `is_temporary`."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")


def is_temporary(path: Path) -> bool:
    """Whether a file or folder is what a broken-off write left behind."""
    return _TEMPORARY.fullmatch(path.name) is not None


def flush(path: Path) -> None:
    """Wait until a file, or all files in a folder, are on the disk."""
    for file in [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]:
        with file.open("rb+") as handle:
            os.fsync(handle.fileno())


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn what goes wrong inside, when an image file is read, into one sentence.

    Raises
    ------
    FileError
    """
    if not path.exists():
        raise FileError(f"There is no file {path}: check how it is written.")
    if not path.is_file():
        raise FileError(f"{path} is a folder, not an image file.")
    if path.suffix.lower() not in (*SUFFIXES, *SLIDES):
        raise FileError(f"{path} is not an image file that is known here; {READABLE}.")
    if path.stat().st_size == 0:
        raise FileError(f"{path} is an empty file: copy it again from where it came from.")
    try:
        yield
    except PermissionError as error:
        raise FileError(f"{path} may not be read: {reason(error)}.") from error
    except Image.DecompressionBombError as error:
        raise FileError(f"{path} is too large for a PNG or JPEG: save it as TIFF.") from error
    except FileError:
        raise
    except UnidentifiedImageError as error:
        raise cannot_read(path, "its content is no image of that format") from error
    except Exception as error:  # what decoders raise on damaged bytes is not under our control
        raise cannot_read(path, error) from error


def cannot_read(path: Path, why: BaseException | str) -> FileError:
    """The sentence for a file whose content could not be read."""
    said = why if isinstance(why, str) else reason(why)
    return FileError(f"{path} cannot be read, it may be damaged or cut short ({said}).")


def printable(text: str) -> str:
    """A text that can be saved and sent: bytes of a file's name that are no text are spelt out."""
    return text.encode("utf-8", "backslashreplace").decode()


def reason(error: BaseException) -> str:
    """The first line of what an error says, without the path that the sentence has already."""
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    lines = said.strip().splitlines()
    return lines[0].rstrip(".")[:160] if lines else type(error).__name__


def _read_tiff(path: Path) -> NDArray[Any]:
    with tifffile.TiffFile(path) as file:
        if not file.series:
            raise ValueError("it has no pages")
        series = file.series[0]
        if len(file.series) > 1:
            raise FileError(
                f"{path} holds {len(file.series)} images: save the one to use as its own file."
            )
        kept = [a for a, n in zip(series.axes, series.shape, strict=True) if n > 1 or a in "YX"]
        shape = tuple(n for a, n in zip(series.axes, series.shape, strict=True)
                      if n > 1 or a in "YX")  # fmt: skip
        axes = "".join(kept)
        if axes not in ("YX", "YXS", "SYX"):
            raise FileError(
                f"{path} is a stack of shape {' × '.join(map(str, shape))} (axes {axes}), which "
                "cannot be read here yet: save the plane to use as its own file."
            )
        if axes != "YX" and shape[axes.index("S")] not in (3, 4):
            raise FileError(
                f"{path} has {shape[axes.index('S')]} channels: save one channel, or RGB."
            )
        array: NDArray[Any] = series.asarray().reshape(shape)
    return np.moveaxis(array, 0, -1) if axes == "SYX" else array


def _read_picture(path: Path, *, indices: bool) -> NDArray[Any]:
    """Read PNG or JPEG; `indices` gives a palette's numbers rather than its colours."""
    with Image.open(path) as picture:
        picture.load()
        has_palette = picture.mode in ("P", "PA")
        if has_palette and not indices:
            grey = picture.palette is not None and picture.palette.mode == "L"
            return np.asarray(picture.convert("L" if grey else "RGB"))
        if picture.mode in ("LA", "La", "PA"):
            return np.asarray(picture)[..., 0]
        if picture.mode in ("CMYK", "YCbCr", "LAB", "HSV"):
            return np.asarray(picture.convert("RGB"))
        return np.asarray(picture)


def _read_npy(path: Path) -> NDArray[Any]:
    try:
        array = np.load(path, allow_pickle=False)
    except ValueError as error:
        if "allow_pickle" in str(error):  # which NumPy's own sentence advises
            raise cannot_read(path, "it holds no array of numbers") from None
        raise
    if not isinstance(array, np.ndarray):
        raise FileError(f"{path} is not one array: save it with numpy.save.")
    return array
