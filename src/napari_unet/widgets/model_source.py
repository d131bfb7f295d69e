"""What *Apply model* segments with: a model file, or a package that the user may have to trust."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from napari.layers import Image
from qtpy.QtWidgets import QMessageBox, QWidget

from napari_unet.core.package.archive import Archive, looks_like_one, needs_trust
from napari_unet.widgets.image_command import file_command
from napari_unet.widgets.model_file import check_channels, class_names, is_of_volumes, read_model
from napari_unet.widgets.planes import count_channels
from napari_unet.widgets.segmenting import Package


def open_source(
    path: Path, images: Sequence[Image], parent: QWidget
) -> Package | tuple[int, bytes] | None:
    """A package that may be run, a model with its number of classes, or None if not wanted.

    Raises
    ------
    ModelFileError, PackageError
        If it cannot be used, or not with the channels of these images.
    """
    if not looks_like_one(path):
        data = read_model(path)
        check_channels(data, count_channels(images))
        return len(class_names(data)), data
    if not needs_trust(Archive(path).description()):
        return Package(str(path))
    answer = QMessageBox.question(
        parent, "Run a program of the package?",
        "This package's network is a TorchScript program, which can do anything that you can. "
        "Run it only if you trust who made it.",
        defaultButton=QMessageBox.StandardButton.No,
    )  # fmt: skip
    agreed = answer == QMessageBox.StandardButton.Yes
    return Package(str(path), trusted=True) if agreed else None


def command_of(path: Path, images: Sequence[Image]) -> tuple[str, str]:
    """The command line that segments the file of these images, and what to say of it.

    Raises
    ------
    ImageCommandError, ModelFileError, PackageError
        If there is none, or the model cannot be used.
    """
    if not looks_like_one(path):
        volumes = is_of_volumes(read_model(path))
        return file_command(images, str(path), volumes=volumes), "The command is copied."
    line = file_command(images, str(path))
    if not needs_trust(Archive(path).description()):
        return line, "The command is copied."
    return line, (
        "The command is copied. This package's network is a program, so the line wants --trust, "
        "too: add it only if you trust who made it."
    )
