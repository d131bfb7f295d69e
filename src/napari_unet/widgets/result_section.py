"""What comes out: the prediction's look, the whole image's segmentation, the model's file."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_unet.engine.messages import UNSURE
from napari_unet.widgets.model_file import PATTERN, SUFFIX, ModelFileError
from napari_unet.widgets.object_section import ObjectSection
from napari_unet.widgets.studio import Studio

SHORTCUT = "Ctrl+Shift+H"


class ResultSection(QWidget):
    """Show or hide the prediction and overlays, segment all, save and load."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self.show_prediction = QCheckBox(f"Show the prediction ({SHORTCUT})", self)
        self.show_prediction.setToolTip("Hide it to see the image below, show it to compare.")
        self.overlay = QComboBox(self)
        self.overlay.setToolTip(
            "Show as an image where the network cannot tell the classes apart, or how probable "
            "one of them is."
        )
        self.overlay.setAccessibleName("What to show on top")
        self.segment = QPushButton("Segment this image", self)
        self.segment.setMinimumHeight(28)
        self.segment.setToolTip("Segment the whole image into a new Labels layer.")
        self.bar, self.cancel = QProgressBar(self), QPushButton("Cancel", self)
        self.save, self.load = QPushButton("Save model…", self), QPushButton("Load model…", self)
        self.save.setToolTip("Save what was learnt as one file, to use or share.")
        self.load.setToolTip("Go on from a model file.")
        self.objects = ObjectSection(studio, self)
        self._lay_out()
        self._connect()
        self._fill()
        self.refresh()

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Show on top", self.overlay)
        progress, files = QHBoxLayout(), QHBoxLayout()
        progress.addWidget(self.bar, 1)
        progress.addWidget(self.cancel)
        files.addWidget(self.save)
        files.addWidget(self.load)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.show_prediction)
        layout.addLayout(form)
        layout.addWidget(self.segment)
        layout.addLayout(progress)
        layout.addWidget(self.objects)
        layout.addLayout(files)

    def _connect(self) -> None:
        studio = self._studio
        self.show_prediction.clicked.connect(studio.desk.toggle_prediction)
        self.overlay.activated.connect(self._on_overlay)
        self.segment.clicked.connect(studio.segment)
        self.cancel.clicked.connect(studio.segmenter.cancel)
        self.save.clicked.connect(self._on_save)
        self.load.clicked.connect(self._on_load)
        studio.roster.changed.connect(self._fill)
        studio.segmenter.progressed.connect(self._on_progress)
        for signal in (studio.news, studio.image_changed, studio.desk.shown):
            signal.connect(self.refresh)

    def refresh(self) -> None:
        """Show what can be done now."""
        now, active = self._studio.situation, self._studio.desk.active
        self.show_prediction.setEnabled(active is not None)
        self.show_prediction.setChecked(active is not None and active.prediction.visible)
        self.overlay.setEnabled(active is not None)
        self.segment.setEnabled(now.answered and active is not None and not now.segmenting)
        self.bar.setVisible(now.segmenting)
        self.cancel.setVisible(now.segmenting)
        self.save.setEnabled(now.answered)
        if not now.segmenting:
            self.bar.setValue(0)

    def _fill(self) -> None:
        kept = max(self.overlay.currentIndex(), 0)
        self.overlay.clear()
        self.overlay.addItem("nothing", None)
        self.overlay.addItem("where it is unsure", UNSURE)
        for number, name in enumerate(self._studio.roster.classes.names, start=1):
            self.overlay.addItem(f"probability of {name}", number)
        self.overlay.setCurrentIndex(kept if kept < self.overlay.count() else 0)

    def _on_overlay(self, row: int) -> None:
        self._studio.show_overlay(self.overlay.itemData(row))

    def _on_progress(self, done: int, total: int) -> None:
        self.bar.setMaximum(total)
        self.bar.setValue(done)

    def _on_save(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self, "Save the model", f"model{SUFFIX}", PATTERN)
        if name:
            ended = name if name.endswith(SUFFIX) else name + SUFFIX
            self._studio.lesson.save(Path(ended))

    def _on_load(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Load a model", "", PATTERN)
        if not name:
            return
        try:
            self._studio.load_model(Path(name))
        except ModelFileError as error:
            self._studio.lesson.complain(str(error))
