"""What the user does with projects, with the dialogs that it takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from napari.viewer import Viewer
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QFileDialog, QMessageBox, QWidget

from napari_unet.core.project import shelf
from napari_unet.core.project.errors import ProjectError
from napari_unet.core.project.folder import MANIFEST
from napari_unet.core.project.zipped import unpack
from napari_unet.widgets.background import Background
from napari_unet.widgets.project_opening import begin_new, open_into
from napari_unet.widgets.studio import Studio


class ProjectDialogs:
    """Makes, opens and saves projects for a viewer; what goes wrong is told in the panel."""

    def __init__(self, studio: Studio, viewer: Viewer, parent: QWidget | None = None) -> None:
        self._studio, self._viewer, self._parent = studio, viewer, parent
        self._background = Background()
        self._background.setParent(parent)  # so that nothing is opened in a window that is gone

    def new(self) -> None:
        """Begin a project with nothing in it; the one that is open stays on the disk."""
        was_unsaved = self._studio.project.is_unsaved
        try:
            begin_new(self._studio)
        except ProjectError as error:
            self._studio.lesson.complain(str(error))
            return
        if was_unsaved:
            self._studio.lesson.confirm("Your last strokes are kept: see Project > Recent.")

    def choose(self) -> None:
        """Open a project that the user chooses."""
        start = next(iter(shelf.recent()), Path.home() / "x").parent
        name = QFileDialog.getExistingDirectory(
            self._parent, f"Open a project: a folder with a file {MANIFEST}", str(start)
        )
        if name:
            self.open(Path(name))

    def choose_zipped(self) -> None:
        """Unpack a zipped project that the user chooses beside its file, and open it."""
        start = next(iter(shelf.recent()), Path.home() / "x").parent
        name, _ = QFileDialog.getOpenFileName(
            self._parent, "Open a zipped project", str(start), "Zip files (*.zip)"
        )
        if not name:
            return
        self._studio.lesson.confirm(f"{Path(name).name} is being unpacked, then it is opened.")
        self._background.do(partial(unpack, Path(name)), self._on_unpacked)

    def _on_unpacked(self, outcome: Path | Exception) -> None:
        self._studio.lesson.say("")
        if isinstance(outcome, Exception):
            self._studio.lesson.complain(str(outcome))
        else:
            self.open(outcome)

    def open(self, path: Path) -> None:
        """Open a project."""
        try:
            open_into(self._studio, self._viewer, path, self._where_is, self._may)
        except ProjectError as error:
            self._studio.lesson.complain(str(error))

    def save_as(self) -> None:
        """Go on in a folder that the user chooses."""
        start = next(iter(shelf.recent()), Path.home() / "x").parent
        name, _ = QFileDialog.getSaveFileName(
            self._parent, "Save the project as a new folder", str(start / "my project")
        )
        if not name:
            return
        path = Path(name)
        try:
            with _waiting():  # all of it is copied
                self._studio.project.save_as(path)
            shelf.remember(path)
        except ProjectError as error:
            self._studio.lesson.complain(str(error))
        except OSError as error:
            self._studio.lesson.complain(
                f"The project cannot be saved as {path}: {error.strerror or error}. "
                "Choose another place."
            )
        else:
            self._studio.lesson.confirm(
                f"The project is in {path}. Every stroke is saved there at once."
            )

    def discard(self, path: Path) -> None:
        """Offer an unsaved project no more; a copy is kept."""
        try:
            kept = shelf.discard(path)
        except OSError as error:
            self._studio.lesson.complain(f"It cannot be put away: {error.strerror or error}.")
        else:
            self._studio.lesson.confirm(f"Not offered again; a copy is kept in {kept}.")

    def _may(self, question: str) -> bool:
        box = QMessageBox(self._parent)
        box.setIcon(QMessageBox.Icon.Warning)
        box.setText(question)
        allow = box.addButton("Allow", QMessageBox.ButtonRole.AcceptRole)
        box.setDefaultButton(box.addButton("Leave it out", QMessageBox.ButtonRole.RejectRole))
        box.exec()
        return box.clickedButton() is allow

    def _where_is(self, sentence: str, known: Path) -> Path | None:
        box = QMessageBox(self._parent)
        box.setIcon(QMessageBox.Icon.Question)
        box.setText(sentence)
        choose = box.addButton("Choose…", QMessageBox.ButtonRole.AcceptRole)
        box.addButton("Leave it out", QMessageBox.ButtonRole.RejectRole)
        box.exec()
        if box.clickedButton() is not choose:
            return None
        if known.suffix == ".zarr":
            name = QFileDialog.getExistingDirectory(self._parent, known.name, str(Path.home()))
        else:
            name, _ = QFileDialog.getOpenFileName(
                self._parent, known.name, str(Path.home()), f"{known.name};;All files (*)"
            )
        return Path(name) if name else None


@contextmanager
def _waiting() -> Iterator[None]:
    """Show that the window cannot be used meanwhile."""
    QApplication.setOverrideCursor(Qt.CursorShape.WaitCursor)
    try:
        yield
    finally:
        QApplication.restoreOverrideCursor()
