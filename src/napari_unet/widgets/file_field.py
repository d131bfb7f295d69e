"""A field for a path: typed, or chosen with the button beside it."""

from __future__ import annotations

from typing import Literal

from magicgui.widgets import FileEdit


def file_field(
    mode: Literal["r", "d"], name: str, tip: str, pattern: str | None = None
) -> FileEdit:
    """Make the field for a file (`r`) or a folder (`d`); magicgui names neither of its parts."""
    field = FileEdit(mode=mode, filter=pattern, tooltip=tip)
    field.choose_btn.text = "Choose…"
    for part, spoken in ((field.line_edit, name), (field.choose_btn, f"Choose: {name}")):
        part.tooltip = tip
        part.native.setAccessibleName(spoken)
    return field
