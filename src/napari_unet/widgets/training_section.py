"""Train, pause and reset."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QMessageBox, QPushButton, QWidget

from napari_unet.widgets.guidance import Learning, Step, advice
from napari_unet.widgets.keys import TRAIN
from napari_unet.widgets.studio import Studio
from napari_unet.widgets.style import show_next


class TrainingSection(QWidget):
    """One button that trains and pauses, and one that forgets."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self.train = QPushButton("Train", self)
        self.train.setObjectName("train")
        self.train.setMinimumHeight(34)
        self.reset = QPushButton("Reset…", self)
        self.reset.setToolTip("Forget all that was learnt. Your strokes stay.")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.train, 1)
        row.addWidget(self.reset)
        self.train.clicked.connect(TRAIN.button(studio))
        self.reset.clicked.connect(self._on_reset)
        studio.news.connect(self.refresh)
        studio.painted.connect(self.refresh)
        studio.image_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show what can be done now."""
        now = self._studio.situation
        busy = now.learning is not Learning.PAUSED
        self.train.setText("Pa&use" if busy else "&Train")
        self.train.setToolTip(
            f"Stop learning for now; what was learnt stays ({TRAIN})."
            if busy
            else f"Learn from the strokes. You can go on painting meanwhile ({TRAIN})."
        )
        self.train.setEnabled(busy or now.trainable)
        show_next(self.train, is_next=advice(now).step is Step.TRAIN)
        self.reset.setEnabled(now.trained or self._studio.lesson.report.step > 0)

    def _on_reset(self) -> None:
        box = QMessageBox(self)
        box.setIcon(QMessageBox.Icon.Question)
        box.setText("Forget all that the network has learnt?")
        box.setInformativeText("Your strokes stay. What was learnt cannot be brought back.")
        forget = box.addButton("Forget", QMessageBox.ButtonRole.DestructiveRole)
        box.addButton("Keep", QMessageBox.ButtonRole.RejectRole)
        box.setWindowModality(Qt.WindowModality.WindowModal)
        box.exec()
        if box.clickedButton() is forget:
            self._studio.lesson.reset()
