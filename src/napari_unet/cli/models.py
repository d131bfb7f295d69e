"""Opening model files for the commands."""

from __future__ import annotations

from pathlib import Path

from napari_unet.cli.output import Refusal
from napari_unet.core.front import read_front
from napari_unet.core.header import Header, ModelError
from napari_unet.core.model import Model, load


def open_model(path: Path) -> Model:
    """Open a model file.

    Raises
    ------
    Refusal
        If the file is not a model that can be used here.
    """
    try:
        return load(path)
    except ModelError as error:
        said = str(error)
        raise Refusal(said if str(path) in said else f"{path}: {said}") from error


def open_header(path: Path) -> Header:
    """Read what a model file says of itself; the weights are not read.

    Raises
    ------
    Refusal
        If the file is not a model that can be used here.
    """
    try:
        with path.open("rb") as file:
            return read_front(file).header
    except ModelError as error:
        raise Refusal(f"{path}: {error}") from error
    except OSError as error:
        raise Refusal(f"The model file {path} cannot be read: {error.strerror}.") from error
