"""The project in the panel: where it is, whether all is saved, undo, and what can be restored."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from napari.viewer import Viewer
from qtpy.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_unet.core.project import shelf
from napari_unet.core.project.shelf import Unsaved
from napari_unet.widgets.keys import REDO, UNDO
from napari_unet.widgets.project_dialogs import ProjectDialogs
from napari_unet.widgets.project_list import ImageList
from napari_unet.widgets.sentence import Sentence
from napari_unet.widgets.studio import Studio
from napari_unet.widgets.style import show_less, warning
from napari_unet.widgets.timers import single_shot

_WARNING = "#e69f00"
_LINES = 2  # of what is said on the project, at the usual width


class ProjectSection(QWidget):
    """A menu, undo and redo, and a line that says whether all is saved."""

    def __init__(self, studio: Studio, viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._dialogs = ProjectDialogs(studio, viewer, self)
        self.offer = OfferBar(self._dialogs, self)
        self.menu_button = QPushButton("Project", self)
        self.menu_button.setToolTip("Projects keep images, strokes and network together.")
        self.undo = _button("Undo", f"Take back the last stroke, on any image ({UNDO}).")
        self.redo = _button("Redo", f"Do again what was taken back ({REDO}).")
        self.line = Sentence(_LINES, self)
        show_less(self.line)
        self.images = ImageList(studio, viewer, self)
        self._fill_menu()
        self._lay_out()
        self.undo.clicked.connect(studio.project.undo)
        self.redo.clicked.connect(studio.project.redo)
        studio.project.changed.connect(self.refresh)
        studio.watch.theme_changed.connect(self.refresh)
        self.refresh()

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.addWidget(self.menu_button, 2)
        row.addWidget(self.undo, 1)
        row.addWidget(self.redo, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.offer)
        layout.addLayout(row)
        layout.addWidget(self.line)
        layout.addWidget(self.images)

    def _fill_menu(self) -> None:
        menu = QMenu(self.menu_button)

        def add(text: str, tip: str, slot: Callable[[], object]) -> None:
            action = menu.addAction(text)
            action.setToolTip(tip)
            action.triggered.connect(slot)

        add("New", "Begin anew; what is open now is kept.", self._dialogs.new)
        add("Open…", "Go on with a project's folder.", self._dialogs.choose)
        add("Open zipped…", "Go on with a project from a zip file.", self._dialogs.choose_zipped)
        self.recent = menu.addMenu("Recent")
        self.recent.aboutToShow.connect(self._fill_recent)
        add("Save as…", "Keep it in a folder of yours.", self._dialogs.save_as)
        for one in (menu, self.recent):
            one.setToolTipsVisible(True)
        self.menu_button.setMenu(menu)

    def _fill_recent(self) -> None:
        self.recent.clear()
        for path in shelf.recent():
            action = self.recent.addAction(path.name)
            action.setToolTip(str(path))
            action.triggered.connect(partial(self._dialogs.open, path))
        for known in shelf.unsaved():
            action = self.recent.addAction(f"Unsaved: {_named(known)}, {_when(known.changed)}")
            action.setToolTip("Strokes that have no folder of yours yet.")
            action.triggered.connect(partial(self._dialogs.open, known.path))
        if self.recent.isEmpty():
            self.recent.addAction("none yet").setEnabled(False)

    def refresh(self) -> None:
        """Show how it stands."""
        project = self._studio.project
        self.undo.setEnabled(bool(project.record.history.done))
        self.redo.setEnabled(bool(project.record.history.undone))
        failing = "" if project.store is None else project.store.failing
        self.line.setStyleSheet(f"color: {warning(self._studio.watch)};" if failing else "")
        if failing:
            text = f"Not saved: {failing}. It is tried again every few seconds."
        elif project.path is None:
            text = "Your strokes will be saved as you paint."
        elif project.is_unsaved:
            text = "All strokes are saved. Choose a folder of your own with Project > Save as…"
        else:
            text = f"{project.path.name}: all strokes are saved."
        if self.line.text() != text:
            self.line.setText(text)
            self.line.setToolTip("" if project.path is None else str(project.path))
        if project.path is not None:
            self.offer.hide()


class OfferBar(QFrame):
    """Offers strokes that an earlier session left without a place; hidden if there are none."""

    def __init__(self, dialogs: ProjectDialogs, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._dialogs = dialogs
        self._offered: Unsaved | None = None
        self.sentence = QLabel(self)
        self.sentence.setWordWrap(True)
        self.restore = _button("Restore", "Bring back images, strokes and network.")
        self.discard = _button("Discard", "Offer them no more. A copy is kept.")
        row = QHBoxLayout()
        row.addWidget(self.restore)
        row.addWidget(self.discard)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 6, 6, 6)
        layout.addWidget(self.sentence)
        layout.addLayout(row)
        self.setObjectName("offer")
        self.setStyleSheet(f"#offer {{ border-left: 4px solid {_WARNING}; }}")
        self.restore.clicked.connect(self._on_restore)
        self.discard.clicked.connect(self._on_discard)
        self.hide()
        single_shot(self, self.refresh).start()

    def refresh(self) -> None:
        """Look for strokes to offer."""
        found = shelf.unsaved()
        self._offered = found[0] if found else None
        self.setVisible(bool(found))
        if found:
            more = f" ({len(found) - 1} more under Project > Recent)" if len(found) > 1 else ""
            self.sentence.setText(
                f"Strokes from {_when(found[0].changed)} on {_named(found[0])} were not saved in a "
                f"project of yours{more}."
            )

    def _on_restore(self) -> None:
        if self._offered is not None:
            self._dialogs.open(self._offered.path)
            self.hide()

    def _on_discard(self) -> None:
        if self._offered is not None:
            self._dialogs.discard(self._offered.path)
            self.refresh()


def _button(text: str, tip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tip)
    return button


def _when(seconds: float) -> str:
    return time.strftime("%d %B, %H:%M", time.localtime(seconds)).lstrip("0")


def _named(known: Unsaved) -> str:
    first = f"“{known.images[0]}”" if known.images else "an image"
    return first if len(known.images) < 2 else f"{first} and {len(known.images) - 1} more"
