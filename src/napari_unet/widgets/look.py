"""How the prediction looks: shown or hidden, as areas or outlines, strong or weak."""

from __future__ import annotations

from napari_unet.widgets.desk import Desk

_THICKNESS = 2  # px of the image


def toggle_prediction(desk: Desk) -> None:
    """Show or hide the prediction of the image in work."""
    if desk.active is not None:
        desk.active.prediction.visible = not desk.active.prediction.visible


def toggle_outlines(desk: Desk) -> None:
    """Show it as outlines, so that the image stays in sight, or as areas again."""
    if desk.active is not None:
        prediction = desk.active.prediction
        prediction.visible = True
        prediction.contour = 0 if prediction.contour else _THICKNESS


def set_opacity(desk: Desk, percent: int) -> None:
    """Show it from 0 % (not at all) to 100 % (it covers the image)."""
    if desk.active is not None:
        desk.active.prediction.opacity = percent / 100
