"""What a model file says of itself, read without torch."""

from __future__ import annotations

from pathlib import Path

from napari_unet.core import suitable
from napari_unet.core.files import replacing
from napari_unet.core.front import read_front, read_header
from napari_unet.core.header import Header, ModelBytes, ModelError
from napari_unet.core.image import ImageError

SUFFIX = ".safetensors"
PATTERN = f"napari-unet models (*{SUFFIX})"
ANY_PATTERN = f"Models and packages of bioimage.io (*{SUFFIX} *.zip *.yaml)"


class ModelFileError(ValueError):
    """A file that is not a model, or cannot be read or written; the message says what to do."""


def read_model(path: Path) -> bytes:
    """Read a model file's bytes, and check that it is one, and whole by its checksum.

    Raises
    ------
    ModelFileError
    """
    try:
        with path.open("rb") as file:
            front = read_front(file)  # whatever is no model is not read further
            file.seek(0)
            data = file.read()
        front.check_weights(memoryview(data)[front.length :])
    except ModelError as error:
        raise ModelFileError(str(error)) from error
    except IsADirectoryError as error:
        raise ModelFileError(f"{path} is a folder; choose a model file in it.") from error
    except OSError as error:
        raise ModelFileError(
            f"The model file {path} cannot be read: {error.strerror}. Choose another one."
        ) from error
    return data


def class_names(data: ModelBytes) -> tuple[str, ...]:
    """The names of the classes in a model file.

    Raises
    ------
    ModelFileError
        If the bytes are not a model file, or of a newer version.
    """
    return _header(data).classes


def _header(data: ModelBytes) -> Header:
    try:
        return read_header(data)
    except ModelError as error:
        raise ModelFileError(str(error)) from error


def is_of_volumes(data: ModelBytes) -> bool:
    """Whether a model file's network looks at volumes.

    Raises
    ------
    ModelFileError
        If the bytes are not a model file, or of a newer version.
    """
    return _header(data).shape.axes == 3


def check_channels(data: ModelBytes, found: int) -> None:
    """Refuse a model that was trained on images with other channels than so many.

    Raises
    ------
    ModelFileError
        If the bytes are not a model file, or it does not fit.
    """
    try:
        suitable.check_channels(_header(data).shape.in_channels, found)
    except ImageError as error:
        raise ModelFileError(str(error)) from error


def check_names(known: tuple[str, ...], painted: tuple[str, ...]) -> None:
    """Refuse a model of other classes than those of the strokes.

    Raises
    ------
    ModelFileError
    """
    if known != painted:
        raise ModelFileError(
            f"This model knows the classes {', '.join(known)}, but your strokes are of "
            f"{', '.join(painted)}. Rename your classes to match, or load it before you paint."
        )


def write_model(path: Path, data: ModelBytes) -> None:
    """Write a model file whole or not at all.

    Raises
    ------
    ModelFileError
    """
    try:
        with replacing(path) as part:
            part.write_bytes(data)
    except OSError as error:
        raise ModelFileError(
            f"The model cannot be saved as {path}: {error.strerror}. Choose another place."
        ) from error
