"""*Plugins > U-Net > Apply model*: segment an image with a model that was saved before."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from napari.layers import Image, Labels
from napari.viewer import Viewer
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import (
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_unet.core.package.errors import PackageError
from napari_unet.engine.messages import Event, Failed, Refused, Restore, Segmented, Wanted
from napari_unet.widgets import notices
from napari_unet.widgets.channel_menu import ChannelMenu
from napari_unet.widgets.classes import ClassList
from napari_unet.widgets.file_field import file_field
from napari_unet.widgets.image_command import ImageCommandError
from napari_unet.widgets.keeper import Keeper
from napari_unet.widgets.layer_combo import LayerCombo
from napari_unet.widgets.mirror import ActivityMirror
from napari_unet.widgets.model_file import (
    ANY_PATTERN,
    ModelFileError,
    is_of_volumes,
)
from napari_unet.widgets.model_source import command_of, open_source
from napari_unet.widgets.segmenting import ImageSegmenter, Package
from napari_unet.widgets.share_button import copy_text
from napari_unet.widgets.studios import studio_of
from napari_unet.widgets.tab_order import set_tab_order

_NARROWEST = 320  # px
_MODEL = "A model that was saved with “Save model…”, or a package of bioimage.io."
MAX_COLOURS = 8  # of a package's classes; more than that have the first ones' again


class ApplyWidget(QWidget):
    """Model file, image, one button.

    Parameters
    ----------
    napari_viewer : napari.viewer.Viewer
    """

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self._studio = studio_of(napari_viewer)
        self._keeper = Keeper()
        self._segmenter = ImageSegmenter(self._keeper.post)
        self._mirror = ActivityMirror("U-Net: segmenting")
        self.model = file_field("r", "Model file", _MODEL, ANY_PATTERN)
        self.image = LayerCombo(self._studio.watch, Image, "choose an image…", self)
        self.image.setAccessibleName("Image")
        self.image.setToolTip("The image to segment.")
        self.channels = ChannelMenu(self._studio.watch, self)
        self.start = QPushButton("Segment", self)
        self.start.setMinimumHeight(30)
        self.start.setToolTip("Segment the image with this model, into a new layer.")
        self.copy = QPushButton("Copy as command", self)
        self.copy.setToolTip("Copy the command line that does the same to the image's file.")
        self.bar, self.cancel = QProgressBar(self), QPushButton("Cancel", self)
        self.bar.setAccessibleName("Segmented so far")
        self.cancel.setToolTip("Stop; nothing is kept.")
        self.message = QLabel("Choose a model file and an image, then press Segment.", self)
        self.message.setWordWrap(True)
        self.setMinimumWidth(_NARROWEST)
        self._lay_out()
        self._connect()
        self._choose_active(napari_viewer)
        self._refresh()

    def _lay_out(self) -> None:
        form = self._form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Model", self.model.native)
        form.addRow("Image", self.image)
        form.addRow("Channels", self.channels)
        progress = QHBoxLayout()
        progress.addWidget(self.bar, 1)
        progress.addWidget(self.cancel)
        layout = QVBoxLayout(self)
        layout.addWidget(self.message)
        layout.addLayout(form)
        layout.addWidget(self.start)
        layout.addWidget(self.copy)
        layout.addLayout(progress)
        layout.addStretch(1)
        set_tab_order(self)

    def _connect(self) -> None:
        self.start.clicked.connect(self._on_start)
        self.copy.clicked.connect(self._on_copy)
        self.image.chosen.connect(self._refresh)
        self._studio.watch.layers_changed.connect(self._refresh)
        self.cancel.clicked.connect(self._segmenter.cancel)
        self._keeper.received.connect(self._take)
        self._keeper.died.connect(self._on_died)
        self._keeper.given_up.connect(self._on_died)
        self._keeper.parted.connect(self._on_parted)
        self._segmenter.progressed.connect(self._on_progress)
        self._segmenter.finished.connect(self._on_finished)
        self.destroyed.connect(partial(self._keeper.close))

    def _choose_active(self, viewer: Viewer) -> None:
        active = viewer.layers.selection.active
        images = self._studio.watch.layers(Image)
        if isinstance(active, Image):
            self.image.show_layer(active)
        elif len(images) == 1:
            self.image.show_layer(images[0])

    def _refresh(self) -> None:
        self._offer_channels()
        running = self._segmenter.running
        self.start.setEnabled(not running)
        self.bar.setVisible(running)
        self.cancel.setVisible(running)

    def _offer_channels(self) -> None:
        """Take the channels that the image has in the panel, until the user chooses others."""
        image, bindings = self.image.layer, self._studio.desk.bindings
        if not self.channels.images or self.channels.images[0] is not image:
            bound = next((b.images for b in bindings if b.image is image), (image,))
            self.channels.show_images(() if image is None else bound)
        there = self._studio.watch.layers(Image)
        self.channels.show_images([la for la in self.channels.images if la in there])
        self.channels.hidden = tuple(b.tiles.overlay for b in bindings)
        self._form.setRowVisible(self.channels, bool(self.channels.candidates))

    def _on_start(self) -> None:
        if lacking := self._lacking():
            self._say(lacking)
            return
        self._offer_channels()  # of this image, however it came to be chosen
        try:
            chosen = open_source(Path(self.model.value), self.channels.images, self)
        except (ModelFileError, PackageError) as error:
            self._say(str(error), warn=True)
            return
        if chosen is None:
            self._say("Nothing was run.")
            return
        self._say("Starting the engine…")
        self.bar.setRange(0, 0)
        # a package is a file here; a model's bytes travel to where the panel computes
        self._keeper.move(None if isinstance(chosen, Package) else self._studio.keeper.host)
        if not self._keeper.start():
            return
        count, data = (MAX_COLOURS, b"") if isinstance(chosen, Package) else chosen
        if data:
            self._keeper.post(Restore(data))
        colours = ClassList().grown(count).colours
        package = chosen if isinstance(chosen, Package) else None
        volumes = bool(data) and is_of_volumes(data)
        self._segmenter.start(self.channels.images, colours, package=package, volumes=volumes)
        self._refresh()

    def _lacking(self) -> str:
        """What is to be chosen first."""
        if self.image.layer is None:
            return "Choose the image to segment."
        if not str(self.model.value).strip(". "):
            return "Choose a model file: one that was saved with “Save model…”."
        return ""

    def _on_copy(self) -> None:
        if lacking := self._lacking():
            self._say(lacking)
            return
        self._offer_channels()
        try:
            line, sentence = command_of(Path(self.model.value), self.channels.images)
        except (ImageCommandError, ModelFileError, PackageError) as error:
            self._say(str(error), warn=True)
        else:
            copy_text(line)
            self._say(sentence)

    def _take(self, batch: list[Event]) -> None:
        for event in batch:
            match event:
                case Segmented():
                    self._segmenter.take(event)
                case Wanted():
                    self._segmenter.answer(event)
                case Refused():
                    self._segmenter.fail(event.sentence)
                case Failed():
                    notices.report(event.sentence, event.traceback)
                    self._segmenter.fail(event.sentence)
                case _:
                    pass  # training and live prediction are for the panel

    def _on_progress(self, done: int, total: int) -> None:
        self._say("Segmenting…")
        self.bar.setRange(0, total)
        self.bar.setValue(done)
        self._mirror.show(done, total)

    def _on_finished(self, layer: Labels | None, sentence: str) -> None:
        self._mirror.close()
        if layer is not None:
            self._studio.watch.add_layer(layer)
            self._say(f"Done: the result is the layer “{layer.name}”.")
        elif sentence:
            self._say(sentence, warn=True)
        else:
            self._say("Cancelled. Nothing was kept.")
        self._keeper.close()
        self._refresh()

    def _on_died(self, said: str) -> None:
        notices.report("The engine stopped while it was segmenting.", said)
        self._segmenter.fail("The engine stopped. Try again, or use a smaller image.")

    def _on_parted(self, sentence: str) -> None:
        if self._segmenter.running:
            self._segmenter.fail(sentence)
        else:
            self._say(sentence, warn=True)

    def _say(self, sentence: str, *, warn: bool = False) -> None:
        self.message.setText(sentence)
        if warn and self.visibleRegion().isEmpty():  # else it is read here
            notices.warn(sentence)

    def event(self, event: QEvent) -> bool:
        """End the engine when the dock is closed: that takes the widget out of its parent."""
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self._segmenter.cancel()
            self._keeper.close()
        return super().event(event)
