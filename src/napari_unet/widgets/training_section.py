"""Train, pause and reset, and how well it goes."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QLabel, QMessageBox, QPushButton, QVBoxLayout, QWidget

from napari_unet.widgets.curve import Curve
from napari_unet.widgets.guidance import Learning
from napari_unet.widgets.report import agreement_sentence, detail_sentence, score_sentence
from napari_unet.widgets.studio import Studio

NEXT_PLACE = "Ctrl+Shift+N"
_HELD_OUT = (
    "Some strokes are kept aside and only used to judge. The number is the share of their pixels "
    "that the prediction has right, averaged over the classes. Strokes lie inside the classes, so "
    "it says nothing of borders that you did not paint."
)
_AGREEMENT = (
    "Each new stroke is compared with the prediction before it is learnt from. If you paint "
    "anywhere, the number tells how good the prediction is; if you paint where it is wrong, it "
    "is lower than that."
)
_DETAIL = (
    "Full or half size is the size at which the network looks at the image: by itself it takes "
    "the one that does better on your strokes. You can choose it in the settings of the network "
    "below."
)


class TrainingSection(QWidget):
    """One button that trains and pauses, one that forgets, and the numbers."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self.train = QPushButton("Train", self)
        self.train.setObjectName("train")
        self.train.setMinimumHeight(34)
        self.reset = QPushButton("Reset…", self)
        self.reset.setToolTip("Forget all that was learnt. Your strokes stay.")
        self.score, self.agreement, self.detail = QLabel(self), QLabel(self), QLabel(self)
        self.curve = Curve(studio, self)
        for label in (self.score, self.agreement, self.detail):
            label.setWordWrap(True)
        self.detail.setEnabled(False)  # the theme's fainter colour
        self.score.setToolTip(_HELD_OUT)
        self.agreement.setToolTip(_AGREEMENT)
        self.detail.setToolTip(_DETAIL)
        self.next = QPushButton(f"Where next? ({NEXT_PLACE})", self)
        self.next.setToolTip(
            "Move the view to the place where one more stroke would help most: where the "
            "prediction is most unsure, away from what is painted. Press again for another place."
        )
        row = QHBoxLayout()
        row.addWidget(self.train, 1)
        row.addWidget(self.reset)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        layout.addWidget(self.next)
        for widget in (self.score, self.agreement, self.curve, self.detail):
            layout.addWidget(widget)
        self.train.clicked.connect(self._on_train)
        self.reset.clicked.connect(self._on_reset)
        self.next.clicked.connect(studio.pointer.ask)
        studio.news.connect(self.refresh)
        studio.painted.connect(self.refresh)
        studio.image_changed.connect(self.refresh)
        studio.watch.theme_changed.connect(self._paint)
        self._paint()
        self.refresh()

    def refresh(self) -> None:
        """Show how it goes."""
        now, report = self._studio.situation, self._studio.lesson.report
        busy = now.learning is not Learning.PAUSED
        _set(self.train, "Pause" if busy else "Train")
        self.train.setToolTip(
            "Stop learning for now; what was learnt stays."
            if busy
            else "Learn from the strokes. You can go on painting meanwhile."
        )
        self.train.setEnabled(busy or (bool(now.image) and len(now.painted) >= 2))
        self.reset.setEnabled(now.trained or report.step > 0)
        self.next.setEnabled(now.answered and bool(now.image))
        _set(self.score, score_sentence(report) if now.trained else "")
        _set(self.agreement, agreement_sentence(report))
        _set(self.detail, detail_sentence(report, running=self._studio.keeper.running))
        for label in (self.score, self.agreement, self.detail):
            label.setVisible(bool(label.text()))

    def _paint(self) -> None:
        current = self._studio.watch.theme_colour("current")
        self.train.setStyleSheet(f"#train:enabled {{ background: {current}; font-weight: bold; }}")

    def _on_train(self) -> None:
        if self._studio.lesson.learning is Learning.PAUSED:
            self._studio.train()
        else:
            self._studio.lesson.pause()

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


def _set(widget: QLabel | QPushButton, text: str) -> None:
    """Set a text only if it differs: many events change none."""
    if widget.text() != text:
        widget.setText(text)
