"""*Paint from a layer…*: masks that are there already become strokes."""

from __future__ import annotations

from napari.layers import Image, Labels
from qtpy.QtWidgets import QComboBox, QFormLayout, QPushButton, QVBoxLayout, QWidget
from superqt import QCollapsible

from napari_unet.core.annotations import AnnotationError
from napari_unet.core.objects_ids import ids_of
from napari_unet.widgets.classes import ClassListError
from napari_unet.widgets.layer_combo import LayerCombo
from napari_unet.widgets.studio import Studio
from napari_unet.widgets.taking import Holds, Where, may_hold_labels, take

_HOLDS: dict[str, Holds] = {
    "objects, 0 is background": "dense",
    "objects from 2 on, 1 is background": "sparse",
    "classes": "classes",
}
_WHERE: dict[str, Where] = {"what is in view": "view", "inside shapes": "shapes", "all": "all"}


class TakeSection(QCollapsible):  # type: ignore[misc] # superqt is not followed
    """A layer, what its values mean, and where they are right."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__("Paint from a layer…", parent, expandedIcon="▾", collapsedIcon="▸")
        self._studio = studio
        self.setDuration(150)
        self.source = LayerCombo(studio.watch, (Labels, Image), "choose a layer", self)
        self.source.fits = lambda layer: may_hold_labels(layer, studio.desk.active)
        self.source.setToolTip("Labels or masks that are right, from another tool or made by hand.")
        self.source.setAccessibleName("Layer to paint from")
        self.holds = _combo(_HOLDS, "What the layer's values mean. Cellpose's masks: the first.")
        self.where = _combo(_WHERE, "Where the layer is right. Draw shapes on a Shapes layer.")
        self.paint = QPushButton("Paint this", self)
        self.paint.setToolTip("Add these labels to the strokes; Ctrl+Z takes them back.")
        self.paint.clicked.connect(self._on_paint)
        content = QWidget()
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Layer", self.source)
        form.addRow("It holds", self.holds)
        form.addRow("Where", self.where)
        layout = QVBoxLayout(content)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(form)
        layout.addWidget(self.paint)
        self.setContent(content)
        self.source.chosen.connect(self.refresh)
        for signal in (studio.image_changed, studio.watch.layers_changed):
            signal.connect(self.refresh)
        self.refresh()
        self.collapse(animate=False)

    def refresh(self) -> None:
        """Offer what can be taken now."""
        active = self._studio.desk.active
        hidden = () if active is None else (active.paint,)
        self.source.hidden = hidden
        self.source.refresh()
        self.paint.setEnabled(active is not None and self.source.layer is not None)

    def _on_paint(self) -> None:
        studio, viewer, source = self._studio, self._studio.watch.viewer, self.source.layer
        active, roster = studio.desk.active, studio.roster
        if active is None or viewer is None or source is None:
            return
        holds, where = _HOLDS[self.holds.currentText()], _WHERE[self.where.currentText()]
        number = max(roster.selected, 2)  # the background has no objects
        try:
            if holds != "classes" and number not in roster.classes.objects:
                roster.tell_apart(number, on=True)
            ids = list(ids_of(number, roster.classes.objects))
            painted = take(viewer, active, source, holds, where, ids)
        except (AnnotationError, ClassListError) as error:
            studio.lesson.complain(str(error))
            return
        studio.lesson.confirm(f"{painted:,} pixels were painted from “{source.name}”.")


def _combo(choices: dict[str, Holds] | dict[str, Where], tip: str) -> QComboBox:
    combo = QComboBox()
    combo.addItems(list(choices))
    combo.setToolTip(tip)
    combo.setAccessibleName(tip)
    combo.setSizeAdjustPolicy(combo.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    combo.setMinimumContentsLength(12)
    return combo
