"""What a package for bioimage.io is to say, asked in a dialog."""

from __future__ import annotations

from typing import Any

from magicgui.widgets import request_values
from qtpy.QtWidgets import QMessageBox, QWidget

from napari_unet.core.package.errors import PackageError
from napari_unet.core.package.labelling import DEFAULT_LICENCE, Label

_TITLE = "Export for bioimage.io"
_FIELDS: dict[str, Any] = {
    "title": {
        "annotation": str, "value": Label().title, "label": "Title",
        "options": {"tooltip": "What the model is called where it is published."},
    },
    "authors": {
        "annotation": str, "value": "", "label": "Authors (needed)",
        "options": {"tooltip": "Who made it, with commas between the names."},
    },
    "licence": {
        "annotation": str, "value": DEFAULT_LICENCE, "label": "Licence",
        "options": {"tooltip": "Its SPDX name, for example CC-BY-4.0 or MIT."},
    },
    "about": {
        "annotation": str, "value": "", "label": "What it is for",
        "options": {"tooltip": "One or two sentences: which images, which classes."},
    },
    "data": {
        "annotation": str, "value": "", "label": "Training data",
        "options": {"tooltip": "What it was trained on, for example a link to the images."},
    },
    "sample": {
        "annotation": bool, "value": False,
        "label": "Show a part of the open image (it is published)",
        "options": {"tooltip": "The package is shown and tested with the middle of the plane in "
                    "view. Without the tick, with an image of scikit-image."},
    },
    "tiles": {
        "annotation": bool, "value": False, "label": "For tiles of large images",
        "options": {"tooltip": "Brightness is measured by standard steps over the whole image; "
                    "labels differ a little from those here."},
    },
}  # fmt: skip


def ask_label(parent: QWidget) -> tuple[Label, dict[str, Any]] | None:
    """Ask until it can be used, and lose nothing that was typed; None if the user cancels."""
    fields = _FIELDS
    while values := request_values(title=_TITLE, parent=parent, values=fields):
        authors = tuple(part.strip() for part in values["authors"].split(",") if part.strip())
        label = Label(values["title"], authors, values["licence"], values["about"], values["data"])
        try:
            label.check()
        except PackageError as error:
            QMessageBox.warning(parent, _TITLE, str(error))
            fields = {name: {**field, "value": values[name]} for name, field in fields.items()}
        else:
            return label, values
    return None
