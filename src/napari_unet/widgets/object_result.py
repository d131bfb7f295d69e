"""A layer of objects: which one, its corrections and its colours."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from napari.layers import Image, Labels
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFormLayout, QProgressBar, QVBoxLayout, QWidget

from napari_unet.widgets.binding import Binding
from napari_unet.widgets.classes import ClassListError
from napari_unet.widgets.layer_combo import LayerCombo
from napari_unet.widgets.object_class import class_of, follow, say_class
from napari_unet.widgets.object_colours import ColourBy
from napari_unet.widgets.object_fix_bar import FixBar
from napari_unet.widgets.object_measuring import ObjectMeasurer
from napari_unet.widgets.place import place_of
from napari_unet.widgets.planes import full_shape
from napari_unet.widgets.studio import Studio
from napari_unet.widgets.taking import may_hold_labels


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
        self._expected: tuple[Binding, str] | None = None  # whose objects are made, of which class
        self._waiting: tuple[Labels, Binding] | None = None  # for its measurements
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
        studio.roster.called_anew.connect(self._on_called_anew)
        studio.roster.changed.connect(self._on_classes)
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

    def expect(self, binding: Binding, number: int) -> None:
        """Objects of that class, of that image, are being made: `take` will bring them."""
        self._expected = binding, self._studio.roster.classes.names[number - 1]

    def take(self, layer: Labels) -> str:
        """Correct and colour the objects that were expected.

        Returns
        -------
        str
            Why they cannot be corrected, as a sentence; empty if they can.
        """
        if self._expected is None:
            return ""
        binding, name = self._expected
        say_class(layer, name)
        return self._take(layer, binding)

    def _take(self, layer: Labels, binding: Binding) -> str:
        self._drop()
        problem = self._problem(layer)
        if not problem and binding in self._studio.desk.bindings:
            self.fixes.take(layer, binding)
        else:
            self.fixes.leave()
        self.colour.show_layer(layer)
        self.refresh()
        return problem

    def _problem(self, layer: Labels) -> str:
        """Why corrections could not be painted; empty if they can."""
        name, classes = class_of(layer), self._studio.roster.classes
        number = classes.number(name)
        if not number:
            return (
                f"The class “{name}” is gone, so “{layer.name}” is not corrected: to correct it as "
                "objects of another class, choose that under “Objects of”, then the layer again."
            )
        try:
            classes.telling_apart(number, on=True)
        except ClassListError as error:
            return str(error)
        return ""

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
        active, classes = self._studio.desk.active, self._studio.roster.classes
        self._drop()
        if layer is None or active is None:
            self.fixes.leave()
            self.colour.show_layer(None)
            self.refresh()
            return
        if isinstance(layer, Image):
            layer = self._as_labels(layer)
        if not classes.number(class_of(layer)):
            say_class(layer, classes.names[self._number() - 1])
        if "index" in layer.features:
            self._begin(layer, active)
            return
        self.fixes.leave()
        self._waiting = (layer, active)
        self._measurer.start(layer, active.images)
        self.said.emit(f"The objects in “{layer.name}” are measured first.")
        self.refresh()

    def _as_labels(self, masks: Image) -> Labels:
        """Numbers of objects that napari opened as an image, as a layer that can be painted on."""
        layer = Labels(np.array(masks.data), name=masks.name, **place_of(masks))
        masks.visible = False
        self._studio.watch.add_layer(layer)
        return layer

    def _begin(self, layer: Labels, binding: Binding) -> None:
        problem, name = self._take(layer, binding), class_of(layer)
        learnt = f"What you correct in “{layer.name}” is painted as objects of “{name}”."
        self.said.emit(problem or learnt)

    def _drop(self) -> None:
        """Wait for no measurements any more."""
        self._waiting = None
        self._measurer.stop()

    def _on_measured(self) -> None:
        if self._waiting is not None:
            self._begin(*self._waiting)

    def _on_called_anew(self, names: dict[str, str]) -> None:
        follow(self._studio.watch.layers(Labels), names)
        if self._expected is not None:
            binding, name = self._expected
            self._expected = binding, names.get(name, name)

    def _on_classes(self) -> None:
        """The class of what is being corrected may be gone."""
        layer = self.fixes.layer
        if layer is not None and (problem := self._problem(layer)):
            self.fixes.leave()
            self.said.emit(problem)

    def _on_corrected(self) -> None:
        self.colour.again()
        self.refresh()

    def _on_progress(self, done: int, total: int) -> None:
        self.bar.setMaximum(total)
        self.bar.setValue(done)
