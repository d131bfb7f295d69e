"""Buttons that correct objects: merge, split, delete, undo."""

from __future__ import annotations

from typing import cast

from napari.layers import Labels
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QGridLayout, QLabel, QPushButton, QWidget

from napari_unet.widgets.binding import Binding
from napari_unet.widgets.object_fixer import ObjectFixer, Tool
from napari_unet.widgets.object_pen import Pen
from napari_unet.widgets.studio import Studio

_HINTS: dict[Tool, str] = {
    "merge": "Drag from one object to the one that it belongs to.",
    "split": "Drag a line right across an object, where it is to be cut.",
    "delete": "Click on what is no object, or drag a line over several.",
}
_LEARNT = "The strokes learn of it. Napari's brush and eraser on this layer count, too."


class FixBar(QWidget):
    """Shown while there is a layer of objects to correct.

    Signals
    -------
    said : str
        What to do, or why it cannot be done.
    corrected : the objects are others now, and so are their measurements.
    """

    said = Signal(str)
    corrected = Signal()

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._fixer = ObjectFixer(studio.roster, self)
        self._pen = Pen(studio.watch, self)
        self.tools: dict[Tool, QPushButton] = {}
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(QLabel("Correct an object"), 0, 0, 1, 4)
        for column, (tool, hint) in enumerate(_HINTS.items()):
            button = QPushButton(tool.capitalize(), self)
            button.setCheckable(True)
            button.setToolTip(f"{hint} {_LEARNT}")
            button.clicked.connect(self._on_tool)
            layout.addWidget(button, 1, column)
            self.tools[tool] = button
        self.undo = QPushButton("Undo", self)
        self.undo.setToolTip("Take the last correction back, and the strokes painted for it.")
        self.undo.clicked.connect(self._fixer.undo)
        layout.addWidget(self.undo, 1, len(_HINTS))
        self._fixer.said.connect(self.said)
        self._fixer.changed.connect(self.refresh)
        self._fixer.changed.connect(self.corrected)
        self._pen.drawn.connect(self._on_drawn)
        self._pen.put_down.connect(self._rest)
        studio.watch.moved.connect(self._fixer.see)
        studio.watch.layers_changed.connect(self._on_layers)
        studio.watch.theme_changed.connect(self._paint_theme)
        self._paint_theme()
        self.refresh()

    def take(self, layer: Labels, binding: Binding) -> None:
        """Correct this layer, which says of which class it is: objects of that image."""
        self._rest()
        self._fixer.take(layer, binding)

    def leave(self) -> None:
        """Correct nothing more."""
        self._rest()
        self._fixer.leave()

    @property
    def layer(self) -> Labels | None:
        """The layer that is corrected."""
        return self._fixer.layer

    def refresh(self) -> None:
        """Show what can be done now."""
        self.setVisible(self._fixer.layer is not None)
        self.undo.setEnabled(self._fixer.undoable)

    def _paint_theme(self) -> None:
        """The tool in use stands out."""
        colour = self._studio.watch.theme_colour("current")
        self.setStyleSheet(f"QPushButton:checked {{ background: {colour}; }}")

    def _rest(self) -> None:
        for button in self.tools.values():
            button.setChecked(False)
        self._pen.put_away()

    def _on_tool(self) -> None:
        chosen = cast("QPushButton", self.sender())
        for button in self.tools.values():
            button.setChecked(button is chosen and chosen.isChecked())
        tool, layer = self._tool, self._fixer.layer
        if tool is None or layer is None:
            self._rest()
            return
        self._pen.take_up(layer)
        self.said.emit(_HINTS[tool])

    @property
    def _tool(self) -> Tool | None:
        return next((tool for tool, button in self.tools.items() if button.isChecked()), None)

    def _on_drawn(self, path: list[tuple[int, int]]) -> None:
        tool = self._tool
        if tool is not None:
            self._fixer.use(tool, path)

    def _on_layers(self) -> None:
        """The layer, or the image whose objects they are, may be gone."""
        viewer, layer, binding = self._studio.watch.viewer, self._fixer.layer, self._fixer.binding
        if layer is None or viewer is None:
            return
        if layer not in viewer.layers or binding not in self._studio.desk.bindings:
            self.leave()
