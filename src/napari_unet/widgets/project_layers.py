"""The layers of a project's images: open already, copied, or read from their files again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from napari.layers import Image, Layer
from napari.viewer import Viewer

from napari_unet.core.project import sources
from napari_unet.core.project.errors import ProjectError
from napari_unet.core.project.manifest import Source
from napari_unet.core.project.recovery import Opened
from napari_unet.widgets.project_images import best, file_of, put_in_place
from napari_unet.widgets.project_reading import Reading
from napari_unet.widgets.studio import Studio

Ask: TypeAlias = Callable[[str, Path], Path | None]  # sentence, where to look first


class LayerFinder:
    """Finds the layers of one project, while it is opened.

    Parameters
    ----------
    studio : Studio
    viewer : Viewer
    opened : Opened
        The project.
    reading : Reading
        Opens files.
    ask : callable
        Asks the user where a file is now; gives its path, or None.
    tell : callable
        Takes a sentence on what could not be found.
    """

    def __init__(
        self,
        studio: Studio,
        viewer: Viewer,
        opened: Opened,
        reading: Reading,
        ask: Ask,
        tell: Callable[[str], object],
    ) -> None:
        self._studio, self._viewer, self._opened = studio, viewer, opened
        self._reading, self._ask, self._tell = reading, ask, tell
        self._folder = opened.folder.path
        self._moved: dict[Path, Path] = {}  # folders in which images were found again
        self._read: dict[Path, list[Layer]] = {}  # layers of files, those not needed included

    def layer(self, source: Source) -> Image | None:
        """The layer of a source: the one that is open already, a copy, or its file.

        In the folder that is stepped through it is the file, as only that tells which of the
        file's layers it is, and so which one is wanted of the next file.
        """
        stepped = self._in_folder(source)
        layer = None if stepped is None else self._opened_layer(stepped, source)
        if layer is not None:
            return layer
        if source.copy is not None:
            try:
                pixels = sources.copied(self._folder, source)
                layer = self._viewer.add_image(pixels, name=source.name, rgb=source.rgb)
            except (ProjectError, ValueError, TypeError) as error:
                self._tell(str(error))
            else:
                put_in_place(layer, source)
                return layer
        if source.file is None:
            return None
        path = self._place(source)
        return None if path is None else self._opened_layer(path, source)

    def whole(self, path: Path, layers: list[Image]) -> list[Image]:
        """All layers that were read from a file, where those of an image were."""
        found = self._read.get(path) or [la for la in self._viewer.layers if file_of(la) == path]
        read = [layer for layer in found if isinstance(layer, Image)]
        return read if all(layer in read for layer in layers) else layers

    def tidy(self) -> None:
        """Take out layers that came with a file and belong to no image of the project."""
        used = [la for binding in self._studio.desk.bindings for la in binding.images]
        for layers in self._read.values():
            for layer in layers:
                if layer not in used and layer in self._viewer.layers:
                    self._viewer.layers.remove(layer)

    def _in_folder(self, source: Source) -> Path | None:
        """The file where it is in the folder that is stepped through, as it was."""
        folder, file = self._opened.manifest.folder, source.file
        if not folder or file is None or not sources.is_near(file.path):
            return None
        path = Path(file.path)
        there = path.parent == Path(folder) and sources.is_there(path, file)
        return path if there else None

    def _place(self, source: Source) -> Path | None:
        """Where an image's file is now; the user is asked where it is not where it was."""
        assert source.file is not None  # noqa: S101 - the caller looked
        known = Path(source.file.path)
        for path in (known, self._moved.get(known.parent, known.parent) / known.name):
            if sources.is_near(source.file.path) and sources.is_there(path, source.file):
                return path
        found = self._ask(
            f"The image “{source.name}” is not in {known.parent}, or has changed since. "
            "Choose where it is now.",
            known,
        )
        if found is None:
            return None
        if not sources.is_there(found, source.file):
            self._tell(f"{found.name} is not the image that was painted on: its content differs.")
            return None
        self._moved[known.parent] = found.parent
        return found

    def _opened_layer(self, path: Path, source: Source) -> Image | None:
        here = [la for la in self._viewer.layers if isinstance(la, Image) and file_of(la) == path]
        used = [la for binding in self._studio.desk.bindings for la in binding.images]
        layer = best([la for la in here if la not in used], source)
        if layer is None and path not in self._read:
            self._read[path] = self._reading.open(path, source)
            layer = best(self._read[path], source)
        if layer is not None:
            put_in_place(layer, source)
        return layer
