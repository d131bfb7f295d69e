"""*Objects…*: numbers the objects of a class and measures them."""

from __future__ import annotations

import traceback
from functools import partial
from typing import Any

import msgspec
import numpy as np
from napari.layers import Labels
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from superqt import QCollapsible

from napari_unet.core.objects_ids import ids_of
from napari_unet.core.objects_settings import ObjectSettings
from napari_unet.core.objects_size import smallest_like
from napari_unet.core.settings import Knob, declared
from napari_unet.widgets import notices
from napari_unet.widgets.layer_combo import LayerCombo
from napari_unet.widgets.object_maker import ObjectMaker
from napari_unet.widgets.object_preview import ObjectPreview, Wish
from napari_unet.widgets.object_result import ObjectResult
from napari_unet.widgets.planes import current_index, full_shape
from napari_unet.widgets.settings_form import field_of
from napari_unet.widgets.studio import Studio

_LIVE = "the live prediction"
_HINT = "Touching objects are cut apart. The result is a layer with a table of measurements."


class ObjectSection(QCollapsible):  # type: ignore[misc] # superqt is not followed
    """Settings with a live preview, and a button for the whole result."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__("Objects…", parent, expandedIcon="▾", collapsedIcon="▸")
        self._studio = studio
        self.setDuration(150)
        self.source = LayerCombo(studio.watch, Labels, _LIVE, self)
        self.source.setToolTip("The layer with the classes: the live prediction or a segmentation.")
        self.source.setAccessibleName("Layer with the classes")
        self.number = QComboBox(self)
        self.number.setToolTip("Objects are the connected regions of this class.")
        self.number.setAccessibleName("Class of the objects")
        self.fields: dict[str, Any] = {}
        self.preview = QCheckBox("Preview what is in view", self)
        self.preview.setChecked(True)
        self.preview.setToolTip("Show the objects of what is on the screen as settings change.")
        self.message = QLabel(_HINT, self)
        self.message.setWordWrap(True)
        self.make = QPushButton("Make objects", self)
        self.make.setMinimumHeight(28)
        self.make.setToolTip("Find and measure the objects of the whole layer.")
        self.bar, self.cancel = QProgressBar(self), QPushButton("Cancel", self)
        self.bar.setAccessibleName("Objects found so far")
        self.cancel.setToolTip("Stop; no layer is made.")
        self.number.setSizeAdjustPolicy(
            self.number.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.number.setMinimumContentsLength(12)
        self._preview = ObjectPreview(studio.watch, self)
        self.result = ObjectResult(
            studio, lambda: self.number.currentIndex() + 1, lambda: self._preview.layer, self
        )
        self.fixes, self.colour = self.result.fixes, self.result.colour
        self._maker = ObjectMaker(self)
        self._lay_out()
        self._connect()
        self._fill()
        self.refresh()
        self.collapse(animate=False)

    def _lay_out(self) -> None:
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(0, 0, 0, 0)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Classes from", self.source)
        form.addRow("Objects of", self.number)
        for knob in declared(self._studio.object_settings):
            self._add(form, knob)
        form.addRow(self.preview)
        progress = QHBoxLayout()
        progress.addWidget(self.bar, 1)
        progress.addWidget(self.cancel)
        layout.addLayout(form)
        layout.addWidget(self.message)
        layout.addWidget(self.make)
        layout.addLayout(progress)
        layout.addWidget(self.result)
        self.setContent(content)

    def _add(self, form: QFormLayout, knob: Knob) -> None:
        field = field_of(knob)
        field.changed.connect(partial(self._on_changed, knob.name))
        self.fields[knob.name] = field
        if knob.kind is bool:
            form.addRow(field.native)
            return
        label = QLabel(f"{knob.label}, {knob.unit}" if knob.unit else knob.label)
        label.setToolTip(knob.tip)
        field.native.setAccessibleName(knob.label)
        form.addRow(label, field.native)

    def _connect(self) -> None:
        studio = self._studio
        self.source.chosen.connect(self.refresh)
        self.number.activated.connect(self._suggest_size)
        self.number.activated.connect(self.refresh)
        self.preview.clicked.connect(self.refresh)
        self.toggled.connect(self._suggest_size)
        self.toggled.connect(self.refresh)
        self.make.clicked.connect(self._on_make)
        self.cancel.clicked.connect(self._maker.cancel)
        studio.roster.changed.connect(self._fill)
        studio.segmenter.finished.connect(self._on_segmented)
        studio.news.connect(self._preview.look_again)
        studio.image_changed.connect(self._suggest_size)
        for signal in (studio.image_changed, studio.watch.layers_changed):
            signal.connect(self.refresh)
        self._preview.counted.connect(self._on_counted)
        self._preview.dismissed.connect(self._on_dismissed)
        self._preview.failed.connect(self._on_failed)
        self._maker.progressed.connect(self._on_progress)
        self._maker.finished.connect(self._on_finished)
        self.result.said.connect(self.message.setText)

    def refresh(self) -> None:
        """Show what can be done now, and what is in view."""
        busy = self._maker.running
        self.bar.setVisible(busy)
        self.cancel.setVisible(busy)
        self.fields["strength"].enabled = self._studio.object_settings.split
        wish = self._wish()
        self.make.setEnabled(wish is not None and not busy)
        cutting = self.isExpanded() and self._studio.object_settings.split
        self._studio.desk.gaze.ask_certainty(wanted=cutting)
        active = self._studio.desk.active
        if active is not None:
            self._hide(active.paint, active.prediction)
        self._preview.show(wish if self.isExpanded() and self.preview.isChecked() else None)

    def _hide(self, *layers: Labels) -> None:
        """Do not offer what is no class map, or stands for the live prediction."""
        hidden = (*layers, self._preview.layer)
        if self.source.hidden != hidden:
            self.source.hidden = hidden
            self.source.refresh()

    def _wish(self) -> Wish | None:
        """What is asked for; None if there is nothing to make objects of."""
        active = self._studio.desk.active
        if active is None:
            return None
        classes = self.source.layer or active.prediction
        if full_shape(classes) != full_shape(active.image):
            return None
        number, settings = self.number.currentIndex() + 1, self._studio.object_settings
        return Wish(active.image, classes, number, settings)

    def _fill(self) -> None:
        kept = self.number.currentIndex()
        names = self._studio.roster.classes.names
        self.number.clear()
        self.number.addItems(names)
        self.number.setCurrentIndex(kept if 0 <= kept < len(names) else min(1, len(names) - 1))

    def _on_changed(self, name: str, value: Any) -> None:  # noqa: ANN401
        before = self._studio.object_settings
        self._studio.object_settings = msgspec.structs.replace(before, **{name: value})
        self.refresh()

    def _suggest_size(self) -> None:
        """Drop what is far smaller than painted objects of the class, unless a size was chosen."""
        studio, active, viewer = self._studio, self._studio.desk.active, self._studio.watch.viewer
        chosen = studio.object_settings.smallest != studio.suggested_size
        if active is None or viewer is None or chosen or not self.isExpanded():
            return
        ids = ids_of(self.number.currentIndex() + 1, studio.roster.classes.objects)
        plane = np.asarray(active.paint.data[current_index(viewer, active.image)])
        found = smallest_like(plane, ids) if ids else None
        studio.suggested_size = ObjectSettings().smallest if found is None else found
        self.fields["smallest"].value = studio.suggested_size

    def _on_counted(self, count: int, area: float, where: str) -> None:
        if count:
            text = f"{where}: {count:,} object{'s' * (count > 1)}, median area {area:,.0f} px²."
        else:
            text = f"{where}: no object of this class."
        self.message.setText(text)

    def _on_dismissed(self) -> None:
        self.preview.setChecked(False)
        self.refresh()

    # -- the whole result ------------------------------------------------------------------

    def _on_make(self) -> None:
        self._suggest_size()
        wish, active = self._wish(), self._studio.desk.active
        if wish is not None and active is not None:
            self.result.expect(active, wish.number)
            live = any(wish.classes is b.prediction for b in self._studio.desk.bindings)
            self._maker.start(wish, active.images, live=live)
            self.refresh()

    def _on_finished(self, layer: Labels | None, sentence: str) -> None:
        if layer is not None:
            self.preview.setChecked(False)
            self._studio.watch.add_layer(layer)
            sentence = f"{sentence} {self.result.take(layer)}".rstrip()
        self.message.setText(sentence)
        self.refresh()

    def _on_progress(self, done: int, total: int) -> None:
        self.bar.setMaximum(total)
        self.bar.setValue(done)

    def _on_failed(self, error: Exception) -> None:
        """The preview failed; it would again, so it is off now."""
        self.preview.setChecked(False)
        self.refresh()
        notices.report(
            f"The objects could not be shown: {error}", "".join(traceback.format_exception(error))
        )

    def _on_segmented(self, layer: Labels | None, _sentence: str) -> None:
        if layer is not None and full_shape(layer) == self._shape():
            self.source.show_layer(layer)
            self.refresh()

    def _shape(self) -> tuple[int, ...]:
        active = self._studio.desk.active
        return () if active is None else full_shape(active.image)
