"""Opens a project into a viewer, exactly as it was left."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from msgspec.structs import replace
from napari.layers import Image, Layer
from napari.viewer import Viewer

from napari_unet.core.files import FileError
from napari_unet.core.project import shelf, sources
from napari_unet.core.project.errors import ProjectError
from napari_unet.core.project.folder import BEST, LAST
from napari_unet.core.project.manifest import ImageEntry, Source
from napari_unet.core.project.recovery import Opened, open_project
from napari_unet.widgets.classes import ClassList
from napari_unet.widgets.easel import easel_of
from napari_unet.widgets.layers import new_paint
from napari_unet.widgets.model_file import ModelFileError, read_model
from napari_unet.widgets.project_images import best, file_of, put_in_place
from napari_unet.widgets.project_values import (
    class_list,
    fits,
    planes_of,
    with_progress,
)
from napari_unet.widgets.studio import Studio

Ask: TypeAlias = Callable[[str, Path], Path | None]  # sentence, where to look first


def open_into(studio: Studio, viewer: Viewer, path: Path, ask: Ask) -> None:
    """Open a project in place of the one that is open.

    Parameters
    ----------
    studio : Studio
    viewer : Viewer
    path : Path
        The project's folder.
    ask : callable
        Asks the user where a file is now; gives its path, or None.

    Raises
    ------
    ProjectError
        If it cannot be opened; all is as before then.
    """
    if studio.project.path is not None and path.resolve() == studio.project.path.resolve():
        raise ProjectError("This project is open already.")
    opened = open_project(path)
    try:
        put_away(studio)
    except ProjectError:
        opened.folder.close()
        raise
    told = [*opened.told, *_Opening(studio, viewer, opened, ask).restore()]
    if not shelf.is_unsaved(path):
        shelf.remember(path)
    if told:
        studio.lesson.complain(" ".join(told))


def put_away(studio: Studio) -> None:
    """Close the project that is open, and take its layers out of the viewer.

    Raises
    ------
    ProjectError
        If not all of it is on the disk.
    """
    if not studio.project.leave():
        raise ProjectError(
            "The project that is open is not all saved yet, so it cannot be closed: make room on "
            "its disk, or save it in another place."
        )
    studio.segmenter.cancel()  # its result would be one of the next project's
    studio.walk.leave()
    studio.desk.clear()
    studio.desk.planes.see_volumes(volumes=False)
    studio.lesson.reset()
    studio.image_changed.emit()


def begin_new(studio: Studio) -> None:
    """Begin a project with nothing in it.

    Raises
    ------
    ProjectError
        If the one that is open is not all on the disk.
    """
    put_away(studio)
    studio.roster.set(ClassList())
    studio.fresh = True
    studio.painted.emit()


class _Opening:
    """One project on its way into a viewer."""

    def __init__(self, studio: Studio, viewer: Viewer, opened: Opened, ask: Ask) -> None:
        self._studio, self._viewer, self._opened = studio, viewer, opened
        self._ask = ask
        self._folder = opened.folder.path
        self._moved: dict[Path, Path] = {}  # folders in which images were found again
        self._read: dict[Path, list[Layer]] = {}  # layers of files, those not needed included
        self._told: list[str] = []

    def restore(self) -> list[str]:
        """Bring all back; sentences on what could not be."""
        studio, content = self._studio, self._opened.manifest
        classes = self._opened.record.work.classes or content.classes
        if classes:
            studio.roster.set(class_list(classes))
        self._opened.record.work.classes = classes
        studio.fresh = False
        studio.desk.planes.see_volumes(volumes=content.volumes)
        studio.project.adopt(self._opened)
        studio.set_settings(content.settings)
        studio.settings_changed.emit()
        images = sorted(content.images, key=lambda image: image.number == content.active)
        for image in images:
            self._restore_image(image)
        self._tidy()
        self._restore_folder(content.folder)
        self._restore_model()
        return self._told

    def _restore_image(self, image: ImageEntry) -> None:
        layers = []
        for at, source in enumerate(image.layers):
            layer = self._layer(source)
            if layer is None:
                self._told.append(
                    f"The image “{source.name}” was not found; its strokes are kept in the project."
                )
                return
            path = file_of(layer)
            if source.file is not None and path is not None:  # it may have been moved
                found = replace(source, file=replace(source.file, path=path.as_posix()))
                self._studio.project.book.identified(image.number, at, found)
            layers.append(layer)
        mine = planes_of(self._opened.record.work.planes, image.number)
        if not all(fits(index, paint, image.layers[0].shape) for index, paint in mine.items()):
            self._told.append(
                f"The strokes of “{image.layers[0].name}” are of another size; they are kept in "
                "the project."
            )
            return
        self._studio.project.book.assign(layers[0], image.number)
        if (file := image.layers[0].file) is not None:
            path = file_of(layers[0]) or Path(file.path)
            self._studio.walk.know(path, self._whole(path, layers))
        held = self._studio.desk.planes.held
        held.note(layers[0], planes_of(self._opened.held, image.number))
        held.put_aside(layers[0], aside=image.aside)
        paint = new_paint(layers[0], self._studio.roster.classes.colours)
        easel_of(paint).fill(mine)
        self._viewer.add_layer(paint)
        self._studio.choose(layers, paint)

    def _whole(self, path: Path, layers: list[Image]) -> list[Image]:
        """All layers that were read from a file, where those of an image were."""
        found = self._read.get(path) or [la for la in self._viewer.layers if file_of(la) == path]
        read = [layer for layer in found if isinstance(layer, Image)]
        return read if all(layer in read for layer in layers) else layers

    # -- image layers --------------------------------------------------------------------

    def _layer(self, source: Source) -> Image | None:
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
                self._told.append(str(error))
            else:
                put_in_place(layer, source)
                return layer
        if source.file is None:
            return None
        path = self._place(source)
        return None if path is None else self._opened_layer(path, source)

    def _in_folder(self, source: Source) -> Path | None:
        """The file where it is in the folder that is stepped through, as it was."""
        folder, file = self._opened.manifest.folder, source.file
        if not folder or file is None or not sources.is_near(file.path):
            return None
        path = Path(file.path)
        there = path.parent == Path(folder) and sources.is_same(path, file)
        return path if there else None

    def _place(self, source: Source) -> Path | None:
        """Where an image's file is now; the user is asked where it is not where it was."""
        assert source.file is not None  # noqa: S101 - the caller looked
        known = Path(source.file.path)
        for path in (known, self._moved.get(known.parent, known.parent) / known.name):
            if sources.is_near(source.file.path) and sources.is_same(path, source.file):
                return path
        found = self._ask(
            f"The image “{source.name}” is not in {known.parent}, or has changed since. "
            "Choose where it is now.",
            known,
        )
        if found is None:
            return None
        if not sources.is_same(found, source.file):
            self._told.append(
                f"{found.name} is not the image that was painted on: its content differs."
            )
            return None
        self._moved[known.parent] = found.parent
        return found

    def _opened_layer(self, path: Path, source: Source) -> Image | None:
        here = [la for la in self._viewer.layers if isinstance(la, Image) and file_of(la) == path]
        used = [la for binding in self._studio.desk.bindings for la in binding.images]
        layer = best([la for la in here if la not in used], source)
        if layer is None and path not in self._read:
            self._read[path] = self._open_file(path, source.reader)
            layer = best(self._read[path], source)
        if layer is not None:
            put_in_place(layer, source)
        return layer

    def _open_file(self, path: Path, reader: str) -> list[Layer]:
        said = ""
        for plugin in dict.fromkeys((reader or None, None)):
            try:
                return list(self._viewer.open(str(path), plugin=plugin))
            except Exception as error:  # noqa: BLE001 - readers are other people's
                said = str(error)
        self._told.append(f"{path.name} cannot be read: {said}")
        return []

    def _tidy(self) -> None:
        """Take out layers that came with a file and belong to no image of the project."""
        used = [la for binding in self._studio.desk.bindings for la in binding.images]
        for layers in self._read.values():
            for layer in layers:
                if layer not in used and layer in self._viewer.layers:
                    self._viewer.layers.remove(layer)

    def _restore_folder(self, name: str) -> None:
        if not name or not sources.is_near(name):
            return
        try:
            self._studio.walk.take(Path(name))
        except FileError:
            self._told.append(f"The folder {name} that you stepped through is not there any more.")

    # -- the network ---------------------------------------------------------------------

    def _restore_model(self) -> None:
        studio, progress = self._studio, self._opened.manifest.progress
        model = b""
        if (self._folder / LAST).is_file():
            model = self._model(LAST) or self._model(BEST)
        studio.lesson.recall(with_progress(studio.lesson.report, progress), model)

    def _model(self, name: str) -> bytes:
        try:
            return read_model(self._folder / name)
        except ModelFileError as error:
            self._told.append(str(error))
            return b""
