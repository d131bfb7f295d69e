"""What a model file says of itself, read without torch."""

from __future__ import annotations

import json
import struct
from pathlib import Path

from napari_unet.core.files import replacing

SUFFIX = ".safetensors"
PATTERN = f"napari-unet models (*{SUFFIX})"
_KEY = "napari-unet"


class ModelFileError(ValueError):
    """A file that is not a model, or cannot be read or written; the message says what to do."""


def read_model(path: Path) -> bytes:
    """Read a model file's bytes, and check that it is one.

    Raises
    ------
    ModelFileError
    """
    try:
        data = path.read_bytes()
    except IsADirectoryError as error:
        raise ModelFileError(f"{path} is a folder; choose a model file in it.") from error
    except OSError as error:
        raise ModelFileError(
            f"The model file {path} cannot be read: {error.strerror}. Choose another one."
        ) from error
    class_names(data)
    return data


def class_names(data: bytes) -> tuple[str, ...]:
    """The names of the classes in a model file.

    Raises
    ------
    ModelFileError
        If the bytes are not a model file of this program.
    """
    try:
        (length,) = struct.unpack_from("<Q", data)
        header = json.loads(data[8 : 8 + length])["__metadata__"][_KEY]
        names = json.loads(header).get("classes", ())
        return tuple(str(name) for name in names)
    except (struct.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelFileError(
            "This file is not a napari-unet model. Choose a .safetensors file that was saved "
            "with “Save model…” or with napari-unet train."
        ) from error


def write_model(path: Path, data: bytes) -> None:
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
