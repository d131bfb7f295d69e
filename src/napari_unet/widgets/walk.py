"""A folder of images that are annotated one after the other, with one network."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from pathlib import Path

from napari.layers import Image
from napari.viewer import Viewer
from qtpy.QtCore import QObject, Signal

from napari_unet.core.files import SUFFIXES, FileError
from napari_unet.core.finding import find_images
from napari_unet.core.reading_bioio import PACKAGES
from napari_unet.widgets.binding import Binding
from napari_unet.widgets.desk import Desk
from napari_unet.widgets.look import show_only
from napari_unet.widgets.planes import take_over_roles
from napari_unet.widgets.project_images import file_of


class Walk(QObject):
    """Steps through the images of a folder: the next file is opened and worked on.

    An image that was painted on stays, hidden, and is still learnt from; one without strokes is
    taken out of the viewer again. Which of a file's layers are its channels, and which axis holds
    channels, is taken over from the image before.

    Parameters
    ----------
    viewer : Viewer
    desk : Desk

    Attributes
    ----------
    folder : None until one is chosen.
    files : its images, in natural order.
    at : which of them is in work.

    Signals
    -------
    changed : another folder, or another of its images.
    chosen : list of Image
        The layers of the image that is to be worked on now.
    said : str
        Why it does not go on, as a sentence.
    """

    changed = Signal()
    chosen = Signal(object)
    said = Signal(str)

    def __init__(self, viewer: Viewer, desk: Desk) -> None:
        super().__init__()
        self._viewer = weakref.ref(viewer)
        self._desk = desk
        self._opened: dict[Path, list[Image]] = {}  # layers of the files, in their order
        self._stepping = False
        self.leave()

    def leave(self) -> None:
        """Walk through no folder any more."""
        self.folder: Path | None = None
        self.files: list[Path] = []
        self.at = -1
        self._opened.clear()
        self.changed.emit()

    def take(self, folder: Path) -> None:
        """Know a folder, without opening an image.

        Raises
        ------
        FileError
            If it holds no image.
        """
        self.files = find_images(folder, formats={*SUFFIXES, *PACKAGES})
        self.folder = folder
        mine = self._in_work()
        self.at = self.files.index(mine) if mine in self.files else -1
        self.changed.emit()

    def know(self, path: Path, layers: Sequence[Image]) -> None:
        """These layers show the file, all that it has or those that are needed, in its order."""
        self._opened[path] = list(layers)

    def follow(self) -> None:
        """Know where in the folder the image in work is, however it came to be chosen."""
        mine = self._in_work()
        if mine in self.files and not self._stepping and self.at != self.files.index(mine):
            self.at = self.files.index(mine)
            self.changed.emit()

    def begin(self, folder: Path) -> None:
        """Walk through a folder from now on, from its first image or the one in work."""
        try:
            self.take(folder.absolute())
        except FileError as error:
            self.said.emit(str(error))
            return
        if self.at < 0:
            self._go_to(0)

    def step(self, by: int) -> None:
        """Work on the next image (1), or the one before (-1)."""
        if self.folder is None:
            self.said.emit("Choose a folder of images first, under Folder.")
        elif not 0 <= self.at + by < len(self.files):
            end = "last" if by > 0 else "first"
            self.said.emit(f"This is the {end} image of the folder {self.folder.name}.")
        else:
            self._go_to(self.at + by)

    def _go_to(self, at: int) -> None:
        viewer, before = self._viewer(), self._desk.active
        if viewer is None:
            return
        self.at = at
        layers = self._layers(viewer, self.files[at])
        if layers:
            known = next((b for b in self._desk.bindings if b.image in layers), None)
            there = [layer for layer in layers if layer in viewer.layers]
            chosen = self._like(before, layers, there) if known is None else list(known.images)
            self._stepping = True  # an image that is refused must not lead back
            self.chosen.emit(chosen)
            self._stepping = False
            self._put_back(viewer, before)
            show_only(viewer, self._desk, chosen)
            viewer.reset_view()
        self.changed.emit()

    def _layers(self, viewer: Viewer, path: Path) -> list[Image]:
        """The image layers of a file, also those that were removed; it is opened if need be."""
        known = self._opened.get(path, [])
        if not any(layer in viewer.layers for layer in known):
            known = _layers_of(viewer, path)
        if known:
            self._opened[path] = known
            return known
        try:
            opened = viewer.open(str(path))
        except Exception as error:  # noqa: BLE001 - readers are other people's
            said = (str(error) or type(error).__name__).splitlines()[0]
            self.said.emit(f"{path.name} cannot be read, step over it: {said}")
            return []
        self._opened[path] = [layer for layer in opened if isinstance(layer, Image)]
        if not self._opened[path]:
            self.said.emit(f"{path.name} holds no image, step over it.")
        return self._opened[path]

    def _like(self, before: Binding | None, layers: list[Image], there: list[Image]) -> list[Image]:
        """Of a file's layers those that were chosen of the last file, with the same axes."""
        if before is None:
            return there[:1]
        siblings = next((ls for ls in self._opened.values() if before.image in ls), [])
        places = [siblings.index(la) for la in before.images if la in siblings]
        like = [layers[place] for place in places if place < len(layers)]
        chosen = [layer for layer in like if layer in there] or there[:1]
        for layer in chosen:
            if layer.ndim == before.image.ndim:
                take_over_roles(layer, before.image)
        return chosen

    def _put_back(self, viewer: Viewer, before: Binding | None) -> None:
        """Take an image of the folder out of the viewer if nothing was painted on it."""
        if before is None or before is self._desk.active:
            return
        before.strokes.flush()  # the last one may not have been looked at yet
        if before.annotated:
            return
        path = self._path_of(before.image)
        if path not in self.files:
            return
        layers = self._opened.pop(path)
        self._desk.remove(before)
        for layer in layers:
            if layer in viewer.layers:
                viewer.layers.remove(layer)

    def _in_work(self) -> Path | None:
        """The file of the image in work; its layers are known from then on."""
        viewer, active = self._viewer(), self._desk.active
        if viewer is None or active is None:
            return None
        path = self._path_of(active.image)
        if path is None and (path := file_of(active.image)) is not None:
            self._opened[path] = _layers_of(viewer, path)
        return path

    def _path_of(self, image: Image) -> Path | None:
        return next((path for path, layers in self._opened.items() if image in layers), None)


def _layers_of(viewer: Viewer, path: Path) -> list[Image]:
    return [la for la in viewer.layers if isinstance(la, Image) and file_of(la) == path]
