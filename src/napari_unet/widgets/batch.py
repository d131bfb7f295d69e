"""*Plugins > U-Net > Batch segment a folder*: one label file for each image file."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from magicgui.widgets import FileEdit
from napari.viewer import Viewer
from qtpy.QtCore import QEvent, QSize
from qtpy.QtWidgets import (
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_unet.engine.messages import (
    Cancel,
    Event,
    Failed,
    FileSegmented,
    FolderSegmented,
    Refused,
    SegmentFolder,
)
from napari_unet.widgets import notices
from napari_unet.widgets.file_table import FileTable
from napari_unet.widgets.keeper import Keeper
from napari_unet.widgets.mirror import ActivityMirror
from napari_unet.widgets.model_file import PATTERN, ModelFileError, read_model
from napari_unet.widgets.studios import studio_of

_NARROWEST = 320  # px
_FROM_FILE, _FROM_PANEL = 0, 1


class BatchWidget(QWidget):
    """Folders, a model, one button, and a table of the files.

    Parameters
    ----------
    napari_viewer : napari.viewer.Viewer
    """

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self._studio = studio_of(napari_viewer)
        self._own = Keeper()
        self._keeper: Keeper | None = None  # that runs the batch
        self._mirror = ActivityMirror("U-Net: segmenting files")
        self.source, self.target = FileEdit(mode="d"), FileEdit(mode="d")
        for edit in (self.source, self.target):
            edit.choose_btn.text = "Choose…"
        self.pattern = QLineEdit("*", self)
        self.pattern.setToolTip("What file names must match, for example *_dapi.tif.")
        self.origin = QComboBox(self)
        self.origin.addItems(["a model file", "the model being trained here"])
        self.model = FileEdit(mode="r", filter=PATTERN)
        self.model.choose_btn.text = "Choose…"
        self.start = QPushButton("Segment all files", self)
        self.start.setMinimumHeight(30)
        self.bar, self.cancel = QProgressBar(self), QPushButton("Cancel", self)
        self.table = FileTable(self)
        self.message = QLabel("Choose the folder with the images and one for the results.", self)
        self.message.setWordWrap(True)
        self.setMinimumWidth(_NARROWEST)
        self._lay_out()
        self._connect()
        self._refresh()

    def _lay_out(self) -> None:
        self._form = QFormLayout()
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._form.addRow("Images in", self.source.native)
        self._form.addRow("Names", self.pattern)
        self._form.addRow("Results to", self.target.native)
        self._form.addRow("Model", self.origin)
        self._form.addRow("Model file", self.model.native)
        progress = QHBoxLayout()
        progress.addWidget(self.bar, 1)
        progress.addWidget(self.cancel)
        layout = QVBoxLayout(self)
        layout.addWidget(self.message)
        layout.addLayout(self._form)
        layout.addWidget(self.start)
        layout.addLayout(progress)
        layout.addWidget(self.table, 1)

    def _connect(self) -> None:
        self.start.clicked.connect(self._on_start)
        self.cancel.clicked.connect(self._on_cancel)
        self.origin.currentIndexChanged.connect(self._refresh)
        for keeper in (self._own, self._studio.keeper):
            keeper.received.connect(self._take)
            keeper.died.connect(self._on_died)
            keeper.given_up.connect(self._on_died)
        self.destroyed.connect(partial(self._own.close))

    def sizeHint(self) -> QSize:
        """Room for some files."""
        return QSize(380, 560)

    def _refresh(self) -> None:
        running = self._keeper is not None
        self.start.setEnabled(not running)
        self.bar.setVisible(running)
        self.cancel.setVisible(running)
        self._form.setRowVisible(self.model.native, self.origin.currentIndex() == _FROM_FILE)

    def _on_start(self) -> None:
        try:
            command = self._command()
        except (ModelFileError, NotADirectoryError) as error:
            self._say(str(error), warn=True)
            return
        self.table.clear_files()
        self.bar.setRange(0, 0)
        if command.model:
            self._own.start()
            self._keeper = self._own
        else:
            self._keeper = self._studio.keeper
        self._say("Starting…")
        self._keeper.post(command)
        self._refresh()

    def _command(self) -> SegmentFolder:
        """What the form says.

        Raises
        ------
        NotADirectoryError, ModelFileError
            With a sentence that says what to do.
        """
        source, target = Path(self.source.value), Path(self.target.value)
        if not str(self.source.value).strip(". ") or not source.is_dir():
            raise NotADirectoryError(
                f"There is no folder {source}: choose the folder with the images."
            )
        if not str(self.target.value).strip(". "):
            raise NotADirectoryError("Choose a folder for the results.")
        model = b""
        if self.origin.currentIndex() == _FROM_FILE:
            if not str(self.model.value).strip(". "):
                raise ModelFileError("Choose a model file: one saved with “Save model…”.")
            model = read_model(Path(self.model.value))
        elif not self._studio.situation.answered:
            raise ModelFileError(
                "There is no model being trained in this window: open “Annotate and train” and "
                "paint first, or choose a model file."
            )
        pattern = self.pattern.text().strip() or "*"
        return SegmentFolder(str(source), str(target), pattern, model)

    def _on_cancel(self) -> None:
        if self._keeper is not None:
            self._keeper.post(Cancel())
            self._finish("Cancelled. Files that are done stay; start again to go on.")

    def _take(self, batch: list[Event]) -> None:
        for event in batch:
            if not self._concerns_us():
                return
            match event:
                case FileSegmented():
                    self._on_file(event)
                case FolderSegmented():
                    self._on_all(event)
                case Refused():
                    self._finish(event.sentence, warn=self._keeper is self._own)
                case Failed():
                    if self._keeper is self._own:
                        notices.report(event.sentence, event.traceback)
                    self._finish(event.sentence)
                case _:
                    pass  # training and live prediction are for the panel

    def _concerns_us(self) -> bool:
        return self._keeper is not None and self.sender() is self._keeper

    def _on_file(self, file: FileSegmented) -> None:
        self.table.add(file)
        self.bar.setRange(0, file.total)
        self.bar.setValue(file.done)
        self._mirror.show(file.done, file.total)
        self._say(f"{file.done} of {file.total} files")

    def _on_all(self, event: FolderSegmented) -> None:
        parts = [f"{event.written} segmented"]
        if event.skipped:
            parts.append(f"{event.skipped} done before")
        if event.failed:
            parts.append(f"{event.failed} failed, see the table")
        start = "Cancelled: " if event.cancelled else "Done: "
        self._finish(start + ", ".join(parts) + ".")

    def _on_died(self, said: str) -> None:
        if not self._concerns_us():
            return
        if self._keeper is self._own:
            notices.report("The engine stopped while it was segmenting files.", said)
        self._finish("The engine stopped. Start again: files that are done are skipped.")

    def _finish(self, sentence: str, *, warn: bool = False) -> None:
        self._keeper = None
        self._own.close()
        self._mirror.close()
        self._say(sentence, warn=warn)
        self._refresh()

    def _say(self, sentence: str, *, warn: bool = False) -> None:
        self.message.setText(sentence)
        if warn:
            notices.warn(sentence)

    def event(self, event: QEvent) -> bool:
        """Stop when the dock is closed: that takes the widget out of its parent."""
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            if self._keeper is not None:
                self._keeper.post(Cancel())
            self._finish("Cancelled.")
        return super().event(event)
