"""*Plugins > U-Net > Batch segment a folder*: results for each image file of a folder."""

from __future__ import annotations

import weakref
from functools import partial
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from napari.viewer import Viewer
from qtpy.QtCore import QEvent, QSize
from qtpy.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from napari_unet.core.commands import Selection, segment_command
from napari_unet.core.files import FileError
from napari_unet.core.image import ImageError
from napari_unet.core.recipe import Kind
from napari_unet.engine.batch.pace import Pace, in_words
from napari_unet.engine.messages import FileAdvanced, FileSegmented, FolderFound, SegmentFolder
from napari_unet.widgets import notices
from napari_unet.widgets.batch_form import BatchForm, BatchFormError
from napari_unet.widgets.batch_runner import BatchRunner
from napari_unet.widgets.file_table import FileTable
from napari_unet.widgets.mirror import ActivityMirror
from napari_unet.widgets.model_file import ModelFileError
from napari_unet.widgets.results import Room, layers_of
from napari_unet.widgets.share_button import SAVE_FIRST, copy_text
from napari_unet.widgets.studios import studio_of
from napari_unet.widgets.tab_order import set_tab_order

_WAITS = "Training waits until this is done or cancelled."
_DOCK = "Batch segment a folder (U-Net)"  # as the menu calls it, which then finds the same one
_NARROWEST = 320  # px
_FINE = 1000  # steps of the bar for one file


class BatchWidget(QWidget):
    """A form, two buttons, and a table of the files.

    Parameters
    ----------
    napari_viewer : napari.viewer.Viewer
    """

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self._viewer = weakref.ref(napari_viewer)
        self._studio = studio_of(napari_viewer)
        self.runner = BatchRunner(self._studio)
        self._previewing = False
        self._pace = Pace()
        self._kinds: tuple[Kind, ...] = ()  # of the results in the table
        self._mirror = ActivityMirror("U-Net: segmenting files")
        self._room: Room | None = None  # for what the preview makes
        self.form, self.table = BatchForm(self), FileTable(self)
        self.preview = QPushButton("Preview first file", self)
        self.preview.setToolTip("Segment the whole first file and show it; nothing is kept.")
        self.copy = QPushButton("Copy as command", self)
        self.copy.setToolTip("Copy the command line that does the same, for scripts and clusters.")
        self.start = QPushButton("Segment all files", self)
        self.start.setToolTip("Each result is written as soon as it is there.")
        for button in (self.preview, self.start):
            button.setMinimumHeight(30)
        self.bar, self.cancel = QProgressBar(self), QPushButton("Cancel", self)
        self.bar.setAccessibleName("Files done so far")
        self.cancel.setToolTip("Stop; what is done stays, and the next run goes on from there.")
        self.message = QLabel("Choose the folder with the images and one for the results.", self)
        self.message.setWordWrap(True)
        self.setMinimumWidth(_NARROWEST)
        self._lay_out()
        self._connect()
        self._refresh()

    def _lay_out(self) -> None:
        buttons, progress = QHBoxLayout(), QHBoxLayout()
        buttons.addWidget(self.preview)
        buttons.addWidget(self.copy)
        progress.addWidget(self.bar, 1)
        progress.addWidget(self.cancel)
        layout = QVBoxLayout(self)
        layout.addWidget(self.message)
        layout.addWidget(self.form)
        layout.addLayout(buttons)
        layout.addWidget(self.start)
        layout.addLayout(progress)
        layout.addWidget(self.table, 1)
        set_tab_order(self)

    def _connect(self) -> None:
        self.start.clicked.connect(self._on_start)
        self.preview.clicked.connect(self._on_preview)
        self.copy.clicked.connect(self._on_copy)
        self.cancel.clicked.connect(self.runner.cancel)
        self.table.opened.connect(self._open)
        self.table.complained.connect(self.message.setText)
        self.runner.told.connect(self._take)
        self.runner.ended.connect(self._on_ended)
        self.destroyed.connect(partial(self.runner.close))

    def sizeHint(self) -> QSize:
        """Room for some files."""
        return QSize(380, 640)

    def use_panel(self) -> None:
        """Segment with the model being trained in this window, unless a batch is on its way."""
        if not self.runner.running:
            self.form.use_panel(self._studio.walk.folder, self._studio.object_settings)

    def _refresh(self) -> None:
        running = self.runner.running
        for part in (self.start, self.preview, self.form):
            part.setEnabled(not running)
        self.bar.setVisible(running)
        self.cancel.setVisible(running)

    def _on_start(self) -> None:
        self._begin(preview=False)

    def _on_preview(self) -> None:
        self._begin(preview=True)

    def _on_copy(self) -> None:
        try:
            command = self._command(preview=False)
        except (BatchFormError, ModelFileError) as error:
            self._say(str(error), warn=True)
            return
        model = str(self.form.model.value) if self.form.from_file else "model.safetensors"
        files = Selection(command.source, command.target, command.pattern, command.deep)
        # the engine of a batch is told the panel's settings, whatever model it takes
        compute = self._studio.settings.compute
        copy_text(segment_command(files, model, command.recipe, compute))
        self._say("The command is copied." + SAVE_FIRST * (not self.form.from_file))

    def _begin(self, *, preview: bool) -> None:
        try:
            command = self._command(preview=preview)
        except (BatchFormError, ModelFileError) as error:
            self._say(str(error), warn=True)
            return
        self._previewing, self._kinds, self._pace = preview, command.recipe.kinds, Pace()
        self.bar.setRange(0, 0)
        away = self._studio.keeper.host is not None
        self._say("Starting on this machine, where the files are…" if away else "Starting…")
        self.runner.start(command)
        if self.runner.holds_up:
            self._say(f"Starting… {_WAITS}")
        self._refresh()

    def _command(self, *, preview: bool) -> SegmentFolder:
        command = self.form.command()
        if not command.model and not self._studio.situation.answered:
            raise ModelFileError(
                "There is no model being trained in this window: open “Annotate and train” and "
                "paint first, or choose a model file."
            )
        if preview:
            self._room = Room()  # its own, as layers read what earlier previews made
            return replace(command, target=str(self._room.path), limit=1, again=True, cluster="")
        if not command.target:
            raise BatchFormError("Choose a folder for the results.")
        return command

    def _take(self, event: FolderFound | FileAdvanced | FileSegmented) -> None:
        match event:
            case FolderFound():
                self.bar.setRange(0, len(event.files) * _FINE)
                if not self._previewing:
                    self.table.fill(event.files)
            case FileAdvanced():
                done = self.bar.value() // _FINE * _FINE
                self.bar.setValue(done + int(event.share * (_FINE - 1)))
                if not self._previewing:
                    self.table.advance(event)
            case FileSegmented():
                self.bar.setValue(event.done * _FINE)
                self._on_file(event)

    def _on_file(self, file: FileSegmented) -> None:
        if self._previewing:
            self._say(file.error or "Showing…", warn=bool(file.error))
            if not file.error:
                self._open(file, self._room)
            return
        self._pace.take(file)
        self.table.finish(file)
        self._mirror.show(file.done, file.total)
        left = self._pace.left
        soon = f", about {in_words(left)} left" if left else ""
        waits = f". {_WAITS}" if self.runner.holds_up else ""
        self._say(f"{file.done} of {file.total} files{soon}{waits}")

    def _on_ended(self, sentence: str, warn: bool) -> None:  # noqa: FBT001 - a signal's
        self._mirror.close()
        if not self._previewing or warn:
            self._say(sentence, warn=warn)
        elif self.message.text() == "Showing…":
            self._say("This is what becomes of the first file. Nothing was written to disk.")
        self._refresh()

    def _open(self, file: FileSegmented, room: Room | None = None) -> None:
        """Show a file with its results, which may lie in a room, as layers."""
        viewer = self._viewer()
        if viewer is None:
            return
        results = list(zip(self._kinds, map(Path, file.results), strict=True))
        try:
            layers = layers_of(file.source, results)
        except (FileError, ImageError, OSError) as error:
            self._say(str(error), warn=True)
            return
        if room is not None:
            room.keep_for(layers)
        for layer in layers:
            viewer.add_layer(layer)

    def _say(self, sentence: str, *, warn: bool = False) -> None:
        self.message.setText(sentence)
        if warn and self.visibleRegion().isEmpty():  # else it is read here
            notices.warn(sentence)

    def event(self, event: QEvent) -> bool:
        """Stop when the dock is closed: that takes the widget out of its parent."""
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self.runner.cancel()
            self.runner.close()
        return super().event(event)


def open_batch(viewer: Viewer) -> BatchWidget:
    """The widget of a viewer, in view: the one that is docked, or a new one."""
    batch: BatchWidget | None = viewer.window.dock_widgets.get(_DOCK)
    if batch is None:
        batch = BatchWidget(viewer)
        viewer.window.add_dock_widget(batch, name=_DOCK, area="right", tabify=True)
    dock: Any = batch.parentWidget()  # it may be closed, or behind another
    dock.show()
    dock.raise_()
    return batch
