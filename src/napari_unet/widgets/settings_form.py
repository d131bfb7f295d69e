"""The form of all settings, made from their declarations."""

from __future__ import annotations

import math
from functools import partial
from itertools import groupby
from typing import Any

from magicgui.widgets import create_widget
from qtpy.QtWidgets import QFormLayout, QLabel, QWidget
from superqt import QCollapsible

from napari_unet.core.settings import Knob, changed, knobs
from napari_unet.widgets.studio import Studio
from napari_unet.widgets.timers import single_shot

_REST = 400  # ms without a change until the engine is told
_OWN_BORDERS = ("border_weight", "border_sigma", "far_background")  # used if borders are `own`
_TITLES = {
    "network": "Network",
    "training": "Training",
    "augmentation": "Variation of the training patches",
    "compute": "Computer",
}


class SettingsForm(QCollapsible):  # type: ignore[misc] # superqt is not followed
    """All settings, folded away; changes reach the engine a moment later."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__("Settings", parent, expandedIcon="▾", collapsedIcon="▸")
        self._studio = studio
        self._settings = studio.settings
        self.fields: dict[tuple[str, str], Any] = {}
        self._timer = single_shot(self, self._tell, _REST)
        self.setDuration(150)
        content = QWidget()
        self._form = QFormLayout(content)
        self._form.setContentsMargins(0, 0, 0, 0)
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for group, declared in groupby(knobs(studio.settings), key=lambda knob: knob.group):
            title = QLabel(_TITLES.get(group, group.capitalize()))
            title.setStyleSheet("font-weight: bold;")
            self._form.addRow(title)
            for knob in declared:
                self._add(knob)
        self._offer_borders()
        self.setContent(content)
        self.collapse(animate=False)
        studio.settings_changed.connect(self.refresh)

    def refresh(self) -> None:
        """Show the studio's settings as they are."""
        self._settings = self._studio.settings
        for knob in knobs(self._settings):
            field = self.fields[knob.group, knob.name]
            with field.changed.blocked():
                field.value = knob.default
        self._offer_borders()

    def _add(self, knob: Knob) -> None:
        field = field_of(knob)
        field.changed.connect(partial(self._on_changed, knob))
        self.fields[knob.group, knob.name] = field
        if knob.kind is bool:  # says itself what it is
            self._form.addRow(field.native)
            return
        label = QLabel(f"{knob.label}, {knob.unit}" if knob.unit else knob.label)
        label.setToolTip(knob.tip)
        field.native.setAccessibleName(knob.label)
        self._form.addRow(label, field.native)

    def _on_changed(self, knob: Knob, value: Any) -> None:  # noqa: ANN401
        self._settings = changed(self._settings, knob.group, **{knob.name: value})
        self._offer_borders()
        self._timer.start()

    def _offer_borders(self) -> None:
        """The preset values of a paper leave no choice; one's own are kept for later."""
        own = self._settings.training.borders == "own"
        for name in _OWN_BORDERS:
            field = self.fields["training", name]
            field.enabled = own
            self._form.labelForField(field.native).setEnabled(own)

    def _tell(self) -> None:
        self._studio.set_settings(self._settings)


def field_of(knob: Knob) -> Any:  # noqa: ANN401
    """Make the field of one setting, with its bounds and tip."""
    options: dict[str, Any] = {"tooltip": knob.tip}
    if knob.choices:
        options["choices"] = knob.choices
    elif knob.kind in (int, float):
        options |= {"min": knob.low, "max": knob.high, "step": _step(knob)}
    widget_type = "ComboBox" if knob.choices else None
    return create_widget(
        value=knob.default,
        annotation=knob.kind,
        name=knob.name,
        label=knob.label,
        widget_type=widget_type,
        options=options,
    )


def _step(knob: Knob) -> float:
    """About a tenth of the value, as a power of ten; small enough to reach the lowest."""
    if knob.kind is int:
        return 1
    tenth = float(10.0 ** math.floor(math.log10(abs(knob.default) or 1.0) - 1))
    return min(tenth, knob.low or tenth)
