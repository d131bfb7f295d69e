"""What comes out: the whole image's segmentation, its objects, the model's file."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_unet.widgets.batch import open_batch
from napari_unet.widgets.guidance import Step, advice
from napari_unet.widgets.model_file import PATTERN, SUFFIX, ModelFileError
from napari_unet.widgets.object_section import ObjectSection
from napari_unet.widgets.share_button import ShareButton
from napari_unet.widgets.studio import Studio
from napari_unet.widgets.style import show_next


class ResultSection(QWidget):
    """Segment all, and other images; number objects, save and load."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self.segment = QPushButton("Se&gment this image", self)
        self.segment.setMinimumHeight(28)
        self.segment.setToolTip("Segment the whole image into a new Labels layer.")
        self.folder = QPushButton("Segment f&older…", self)  # Alt+F is the File menu's
        self.folder.setMinimumHeight(28)
        self.folder.setToolTip("Segment all images of a folder with the model being trained here.")
        self.bar, self.cancel = QProgressBar(self), QPushButton("Cancel", self)
        self.bar.setAccessibleName("Progress of segmenting")
        self.cancel.setToolTip("Stop segmenting; the new layer is not made.")
        self.objects = ObjectSection(studio, self)
        self.save, self.load = QPushButton("Save model…", self), QPushButton("Load model…", self)
        self.save.setToolTip("Save what was learnt as one file, to use or share.")
        self.load.setToolTip("Go on from a model file.")
        self.share = ShareButton(studio, self)
        self._lay_out()
        self._connect()
        self.refresh()

    def _lay_out(self) -> None:
        segment, progress, files = QHBoxLayout(), QHBoxLayout(), QHBoxLayout()
        segment.addWidget(self.segment, 1)
        segment.addWidget(self.folder, 1)
        progress.addWidget(self.bar, 1)
        progress.addWidget(self.cancel)
        files.addWidget(self.save)
        files.addWidget(self.load)
        files.addWidget(self.share)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(segment)
        layout.addLayout(progress)
        layout.addWidget(self.objects)
        layout.addLayout(files)

    def _connect(self) -> None:
        studio = self._studio
        self.segment.clicked.connect(studio.segment)
        self.folder.clicked.connect(self._on_folder)
        self.cancel.clicked.connect(studio.segmenter.cancel)
        self.save.clicked.connect(self._on_save)
        self.load.clicked.connect(self._on_load)
        studio.segmenter.progressed.connect(self._on_progress)
        for signal in (studio.news, studio.painted, studio.image_changed):
            signal.connect(self.refresh)

    def refresh(self) -> None:
        """Show what can be done now."""
        now = self._studio.situation
        self.segment.setEnabled(now.segmentable)
        show_next(self.segment, is_next=advice(now).step is Step.SEGMENT)
        self.bar.setVisible(now.segmenting)
        self.cancel.setVisible(now.segmenting)
        self.folder.setEnabled(now.answered)
        self.save.setEnabled(now.answered)
        self.share.setEnabled(now.answered)
        if not now.segmenting:
            self.bar.setValue(0)

    def _on_progress(self, done: int, total: int) -> None:
        self.bar.setMaximum(total)
        self.bar.setValue(done)

    def _on_folder(self) -> None:
        viewer = self._studio.watch.viewer
        if viewer is not None:
            open_batch(viewer).use_panel()

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
            self._studio.network.load(Path(name))
        except ModelFileError as error:
            self._studio.lesson.complain(str(error))
