"""Opening model files for the commands."""

from __future__ import annotations

from pathlib import Path

from napari_unet.cli.output import Refusal
from napari_unet.core.header import ModelError
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
