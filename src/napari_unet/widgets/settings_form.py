"""The form of all settings, made from their declarations."""

from __future__ import annotations

import math
from functools import partial
from itertools import groupby
from typing import Any

from magicgui.widgets import Container, create_widget
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget
from superqt import QCollapsible

from napari_unet.core.settings import Knob, changed, knobs
from napari_unet.widgets.studio import Studio

_REST = 400  # ms without a change until the engine is told
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
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_REST)
        self._timer.timeout.connect(self._tell)
        self.setDuration(150)
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(0, 0, 0, 0)
        for group, declared in groupby(knobs(studio.settings), key=lambda knob: knob.group):
            title = QLabel(_TITLES.get(group, group.capitalize()))
            title.setStyleSheet("font-weight: bold;")
            layout.addWidget(title)
            layout.addWidget(self._group(list(declared)).native)
        self.setContent(content)
        self.collapse(animate=False)

    def _group(self, declared: list[Knob]) -> Container:
        container = Container(labels=True)
        container.margins = (0, 0, 0, 0)
        for knob in declared:
            field = _field(knob)
            field.changed.connect(partial(self._on_changed, knob))
            self.fields[knob.group, knob.name] = field
            container.append(field)
        return container

    def _on_changed(self, knob: Knob, value: Any) -> None:  # noqa: ANN401
        self._settings = changed(self._settings, knob.group, **{knob.name: value})
        self._timer.start()

    def _tell(self) -> None:
        self._studio.set_settings(self._settings)


def _field(knob: Knob) -> Any:  # noqa: ANN401
    options: dict[str, Any] = {"tooltip": knob.tip}
    if knob.choices:
        options["choices"] = knob.choices
    elif knob.kind in (int, float):
        options |= {"min": knob.low, "max": knob.high, "step": _step(knob)}
    label = f"{knob.label}, {knob.unit}" if knob.unit else knob.label
    widget_type = "ComboBox" if knob.choices else None
    return create_widget(
        value=knob.default,
        annotation=knob.kind,
        name=knob.name,
        label=label,
        widget_type=widget_type,
        options=options,
    )


def _step(knob: Knob) -> float:
    """About a tenth of the value, as a power of ten."""
    if knob.kind is int:
        return 1
    return float(10.0 ** math.floor(math.log10(abs(knob.default) or 1.0) - 1))
