"""A folder of images to annotate: which it is, and back and forth through it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QToolButton, QWidget

from napari_unet.widgets.keys import NEXT_IMAGE, PREVIOUS_IMAGE
from napari_unet.widgets.walk import Walk


class FolderRow(QWidget):
    """A button to choose the folder, which then tells where in it the user is; two to step."""

    def __init__(self, walk: Walk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._walk = walk
        self.choose = QPushButton(self)
        self.choose.setAccessibleName("Folder")
        self.back = _arrow("◀", f"The image before ({PREVIOUS_IMAGE}).", "Previous image")
        self.next = _arrow("▶", f"The next image of the folder ({NEXT_IMAGE}).", "Next image")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.back)
        row.addWidget(self.choose, 1)
        row.addWidget(self.next)
        self.choose.clicked.connect(self._on_choose)
        self.back.clicked.connect(partial(walk.step, -1))
        self.next.clicked.connect(partial(walk.step, 1))
        walk.changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show where in the folder the user is."""
        walk = self._walk
        for arrow in (self.back, self.next):
            arrow.setVisible(walk.folder is not None)
        self.back.setEnabled(walk.at > 0)
        self.next.setEnabled(walk.at < len(walk.files) - 1)
        if walk.folder is None:
            self.choose.setText("step through a folder…")
            self.choose.setToolTip(
                "Step through a folder: annotate its images one after the other."
            )
        else:
            self.choose.setText(f"{max(walk.at, 0) + 1} of {len(walk.files)}")
            self.choose.setToolTip(f"{walk.folder}. Press to choose another folder.")

    def _on_choose(self) -> None:
        start = self._walk.folder or Path.home()
        name = QFileDialog.getExistingDirectory(self, "A folder of images to annotate", str(start))
        if name:
            self._walk.begin(Path(name))


def _arrow(text: str, tip: str, name: str) -> QToolButton:
    arrow = QToolButton()
    arrow.setText(text)
    arrow.setToolTip(tip)
    arrow.setAccessibleName(name)
    return arrow
