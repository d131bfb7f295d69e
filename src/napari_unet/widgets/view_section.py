"""How the prediction is shown: at all, as outlines, how strongly, and what lies on top."""

from __future__ import annotations

from functools import partial

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox, QComboBox, QFormLayout, QSlider, QWidget

from napari_unet.engine.messages import UNSURE
from napari_unet.widgets.keys import OUTLINES, PREDICTION
from napari_unet.widgets.look import set_opacity
from napari_unet.widgets.studio import Studio


class ViewSection(QWidget):
    """Follows the layer of the prediction, which napari's own controls change too."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self.show_prediction = QCheckBox(f"Show the prediction ({PREDICTION})", self)
        self.show_prediction.setToolTip("Hide it to see the image below, show it to compare.")
        self.outlines = QCheckBox(f"Outlines only ({OUTLINES})", self)
        self.outlines.setToolTip("Show where its regions end, and the image inside of them.")
        self.opacity = QSlider(Qt.Orientation.Horizontal, self)
        self.opacity.setRange(5, 100)
        self.opacity.setPageStep(10)
        self.opacity.setToolTip("How strongly the prediction covers the image, in %.")
        self.opacity.setAccessibleName("Opacity of the prediction, %")
        self.overlay = QComboBox(self)
        self.overlay.setToolTip(
            "Show as an image where the network cannot tell the classes apart, or how probable "
            "one of them is."
        )
        self.overlay.setAccessibleName("What to show on top")
        self.overlay.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self._lay_out()
        self.show_prediction.clicked.connect(PREDICTION.button(studio))
        self.outlines.clicked.connect(OUTLINES.button(studio))
        self.opacity.valueChanged.connect(partial(set_opacity, studio.desk))
        self.overlay.activated.connect(self._on_overlay)
        studio.roster.changed.connect(self._fill)
        for signal in (studio.news, studio.image_changed, studio.desk.display.shown):
            signal.connect(self.refresh)
        self._fill()
        self.refresh()

    def _lay_out(self) -> None:
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(self.show_prediction)
        form.addRow(self.outlines)
        form.addRow("Opacity", self.opacity)
        form.addRow("Show on top", self.overlay)

    def refresh(self) -> None:
        """Show how it is shown."""
        active = self._studio.desk.active
        for widget in (self.show_prediction, self.outlines, self.opacity, self.overlay):
            widget.setEnabled(active is not None)
        if active is None:
            return
        self.show_prediction.setChecked(active.prediction.visible)
        self.outlines.setChecked(active.prediction.contour > 0)
        self.opacity.blockSignals(True)  # noqa: FBT003 - napari's own value need not be a whole %
        self.opacity.setValue(round(100 * active.prediction.opacity))
        self.opacity.blockSignals(False)  # noqa: FBT003

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
