"""Opens a project into a viewer, exactly as it was left."""

from __future__ import annotations

import contextlib
from pathlib import Path

from msgspec.structs import replace
from napari.viewer import Viewer

from napari_unet.core.files import FileError
from napari_unet.core.project import shelf, sources
from napari_unet.core.project.errors import ProjectError
from napari_unet.core.project.folder import BEST, LAST
from napari_unet.core.project.manifest import ImageEntry
from napari_unet.core.project.recovery import Opened, open_project
from napari_unet.widgets.classes import ClassList
from napari_unet.widgets.easel import easel_of
from napari_unet.widgets.layers import new_paint
from napari_unet.widgets.model_file import ModelFileError, read_model
from napari_unet.widgets.project_images import file_of
from napari_unet.widgets.project_layers import Ask, LayerFinder
from napari_unet.widgets.project_models import BEGUN
from napari_unet.widgets.project_reading import Allow, Reading, refuse
from napari_unet.widgets.project_values import (
    class_list,
    fits,
    planes_of,
    with_progress,
)
from napari_unet.widgets.studio import Studio


def open_into(studio: Studio, viewer: Viewer, path: Path, ask: Ask, allow: Allow = refuse) -> None:
    """Open a project in place of the one that is open.

    Parameters
    ----------
    studio : Studio
    viewer : Viewer
    path : Path
        The project's folder.
    ask : callable
        Asks the user where a file is now; gives its path, or None.
    allow : callable, optional
        Asks the user whether a plugin may open a file; by default none may that is not napari's
        own choice.

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
    told = [*opened.told, *_Opening(studio, viewer, opened, ask, allow).restore()]
    if not shelf.is_unsaved(path):
        with contextlib.suppress(OSError):  # the list of recent projects is not worth an error
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

    def __init__(
        self, studio: Studio, viewer: Viewer, opened: Opened, ask: Ask, allow: Allow
    ) -> None:
        self._studio, self._viewer, self._opened = studio, viewer, opened
        self._folder = opened.folder.path
        self._told: list[str] = []
        own, tell = shelf.is_unsaved(self._folder), self._told.append
        reading = Reading(viewer, allow, tell, own=own)
        self._finder = LayerFinder(studio, viewer, opened, reading, ask, tell)

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
        self._finder.tidy()
        self._restore_folder(content.folder)
        self._restore_model()
        return self._told

    def _restore_image(self, image: ImageEntry) -> None:
        layers = []
        for at, source in enumerate(image.layers):
            layer = self._finder.layer(source)
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
            self._studio.walk.know(path, self._finder.whole(path, layers))
        held = self._studio.desk.planes.held
        held.note(layers[0], planes_of(self._opened.held, image.number))
        held.put_aside(layers[0], aside=image.aside)
        paint = new_paint(layers[0], self._studio.roster.classes.colours)
        easel_of(paint).fill(mine)
        self._viewer.add_layer(paint)
        self._studio.choose(layers, paint)

    def _restore_folder(self, name: str) -> None:
        if not name or not sources.is_near(name):
            return
        try:
            self._studio.walk.take(Path(name))
        except (FileError, OSError):
            self._told.append(f"The folder {name} that you stepped through is not there any more.")

    # -- the network ---------------------------------------------------------------------

    def _restore_model(self) -> None:
        studio, progress = self._studio, self._opened.manifest.progress
        model = b""
        if (self._folder / LAST).is_file():
            model = self._model(LAST) or self._model(BEST)
        begun = self._model(BEGUN) if model and (self._folder / BEGUN).is_file() else b""
        name = Path(BEGUN).name if begun and begun == model else None  # nothing was learnt since
        studio.lesson.recall(with_progress(studio.lesson.report, progress), model, name)

    def _model(self, name: str) -> bytes:
        try:
            return read_model(self._folder / name)
        except ModelFileError as error:
            self._told.append(str(error))
            return b""
