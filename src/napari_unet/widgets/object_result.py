"""A layer of objects: which one, its corrections and its colours."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from napari.layers import Image, Labels
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFormLayout, QProgressBar, QVBoxLayout, QWidget

from napari_unet.widgets.binding import Binding
from napari_unet.widgets.layer_combo import LayerCombo
from napari_unet.widgets.object_colours import ColourBy
from napari_unet.widgets.object_fix_bar import FixBar
from napari_unet.widgets.object_measuring import ObjectMeasurer
from napari_unet.widgets.place import place_of
from napari_unet.widgets.planes import full_shape
from napari_unet.widgets.studio import Studio
from napari_unet.widgets.taking import may_hold_labels

_KEY = "napari-unet class of objects"  # in a layer's metadata, as it belongs to the layer


class ObjectResult(QWidget):
    """Corrects and colours the objects that were made, or any other layer of objects.

    Parameters
    ----------
    number : callable
        The class of objects whose layer does not say.
    hidden : callable
        The layer that only previews objects, or None.

    Signals
    -------
    said : str
        What to do, or why it cannot be done.
    """

    said = Signal(str)

    def __init__(
        self,
        studio: Studio,
        number: Callable[[], int],
        hidden: Callable[[], Labels | None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._studio, self._number, self._hidden = studio, number, hidden
        self._waiting: tuple[Labels, Binding, int] | None = None  # for its measurements
        self._measurer = ObjectMeasurer(self)
        self.fixes = FixBar(studio, self)
        self.colour = ColourBy(self)
        self.bar = QProgressBar(self)
        self.layer = LayerCombo(studio.watch, (Labels, Image), "choose a layer", self)
        self.layer.fits = self._may_hold_objects
        self.layer.setToolTip(
            "The objects to correct and to colour: those that were made last, or other labels of "
            "the image's size, where each object has a number of its own."
        )
        self.layer.setAccessibleName("Layer with the objects")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for label, combo in (("Objects in", self.layer), ("Colour by", self.colour)):
            form = QFormLayout()
            form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
            form.addRow(label, combo)
            layout.addLayout(form)
        layout.insertWidget(1, self.fixes)
        layout.insertWidget(1, self.bar)
        self.layer.chosen.connect(self._on_chosen)
        self._measurer.progressed.connect(self._on_progress)
        self._measurer.finished.connect(self._on_measured)
        self.fixes.corrected.connect(self._on_corrected)
        self.fixes.said.connect(self.said)
        for signal in (studio.image_changed, studio.watch.layers_changed):
            signal.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show which layers there are, and what can be done now."""
        shown = self._studio.watch.layers(Labels)
        if self._waiting is not None and not any(la is self._waiting[0] for la in shown):
            self._drop()
        waiting = None if self._waiting is None else self._waiting[0]
        self.layer.show_layer(waiting or self.fixes.layer or self.colour.layer)
        self.colour.setEnabled(any(layer is self.colour.layer for layer in shown))
        self.bar.setVisible(self._measurer.running)

    def take(self, layer: Labels, binding: Binding, number: int) -> None:
        """Correct and colour this layer from now on: objects of that class, of that image."""
        self._drop()
        layer.metadata[_KEY] = self._studio.roster.classes.names[number - 1]
        if binding in self._studio.desk.bindings:
            self.fixes.take(layer, binding, number)
        self.colour.show_layer(layer)
        self.refresh()

    def _may_hold_objects(self, layer: Labels | Image) -> bool:
        desk = self._studio.desk
        kept = [la for binding in desk.bindings for la in (binding.paint, binding.prediction)]
        if desk.active is None or any(layer is la for la in (*kept, self._hidden())):
            return False
        fits = isinstance(layer.data, np.ndarray) and (
            layer.data.shape == full_shape(desk.active.image)
        )
        return (fits and may_hold_labels(layer, desk.active)) or layer is self.fixes.layer

    def _on_chosen(self, layer: Labels | Image | None) -> None:
        active, names = self._studio.desk.active, self._studio.roster.classes.names
        self._drop()
        if layer is None or active is None:
            self.fixes.leave()
            self.colour.show_layer(None)
            self.refresh()
            return
        if isinstance(layer, Image):
            layer = self._as_labels(layer)
        name = layer.metadata.get(_KEY)
        number = names.index(name) + 1 if name in names else self._number()
        if len(layer.features.columns):
            self._begin(layer, active, number)
            return
        self.fixes.leave()
        self._waiting = (layer, active, number)
        self._measurer.start(layer, active.images)
        self.said.emit(f"The objects in “{layer.name}” are measured first.")
        self.refresh()

    def _as_labels(self, masks: Image) -> Labels:
        """Numbers of objects that napari opened as an image, as a layer that can be painted on."""
        layer = Labels(np.array(masks.data), name=masks.name, **place_of(masks))
        masks.visible = False
        self._studio.watch.add_layer(layer)
        return layer

    def _begin(self, layer: Labels, binding: Binding, number: int) -> None:
        self.take(layer, binding, number)
        name = layer.metadata[_KEY]
        self.said.emit(f"What you correct in “{layer.name}” is painted as objects of “{name}”.")

    def _drop(self) -> None:
        """Wait for no measurements any more."""
        self._waiting = None
        self._measurer.stop()

    def _on_measured(self) -> None:
        if self._waiting is not None:
            self._begin(*self._waiting)

    def _on_corrected(self) -> None:
        self.colour.again()
        self.refresh()

    def _on_progress(self, done: int, total: int) -> None:
        self.bar.setMaximum(total)
        self.bar.setValue(done)
