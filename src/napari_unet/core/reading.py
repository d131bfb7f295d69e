"""Image files of all formats, opened so that their planes are read one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_unet.core.files import SLIDES, SUFFIXES, TIFF, read_image
from napari_unet.core.image import as_plane
from napari_unet.core.reading_bioio import open_scene
from napari_unet.core.reading_tiff import open_tiff
from napari_unet.core.stack import Stack


@contextmanager
def open_stack(path: Path, scene: int | None = None) -> Iterator[Stack]:
    """Open an image file of any format that can be read here.

    Parameters
    ----------
    path : Path
    scene : int, optional
        Which image of a file that holds several, 0 is the first. Without it a TIFF file with
        several is refused, and of a microscope's file the first one is opened.

    Raises
    ------
    FileError
        If it cannot be read; the message says why, and names the package to install where one
        would help.
    """
    suffix = path.suffix.lower()
    if suffix in (*TIFF, *SLIDES):
        with open_tiff(path, scene) as stack:
            yield stack
    elif suffix in SUFFIXES:
        plane = as_plane(read_image(path))
        yield Stack("YX", plane.shape[1:], lambda _: plane)
    else:
        yield open_scene(path, scene or 0)
