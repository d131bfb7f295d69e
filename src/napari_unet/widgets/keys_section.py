"""All keys that help to paint and correct, folded away."""

from __future__ import annotations

from html import escape

from napari.settings import get_settings
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QWidget
from superqt import QCollapsible

from napari_unet.widgets import keys

_NAPARI = {  # napari's own, by its names for them
    "activate_labels_paint_mode": "paint",
    "activate_labels_erase_mode": "erase",
    "activate_labels_polygon_mode": "paint a polygon",
    "increase_brush_size": "thicker brush",
    "decrease_brush_size": "thinner brush",
    "increase_label_id": "next class",
    "decrease_label_id": "previous class",
    "hold_for_pan_zoom": "hold to move the image",
}


class KeysSection(QCollapsible):  # type: ignore[misc] # superqt is not followed
    """A table: ours first, then those of napari, as the user has set them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Keys", parent, expandedIcon="▾", collapsedIcon="▸")
        self.table = QLabel(self)
        self.table.setWordWrap(True)
        self.table.setTextFormat(Qt.TextFormat.RichText)
        self.table.setAccessibleName("Keys")
        self.setContent(self.table)
        self.collapse(animate=False)
        self.toggled.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the keys as they are set now."""
        rows = [(str(key), key.does) for key in keys.ALL]
        chosen = get_settings().shortcuts.shortcuts
        for name, does in _NAPARI.items():
            bound = chosen.get(f"napari:{name}") or ()
            if bound:
                rows.append((" or ".join(map(str, bound)), does))
        lines = "".join(
            f"<tr><td style='padding-right: 10px; white-space: nowrap'>{escape(key)}</td>"
            f"<td>{escape(does)}</td></tr>"
            for key, does in rows
        )
        self.table.setText(f"<table>{lines}</table>")
