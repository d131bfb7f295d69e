"""How the prediction looks: shown or hidden, as areas or outlines, strong or weak."""

from __future__ import annotations

from collections.abc import Sequence

from napari.layers import Image, Layer
from napari.viewer import Viewer

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


def show_only(viewer: Viewer, desk: Desk, images: Sequence[Image]) -> None:
    """Show an image and what belongs to it, and hide the other images with what is theirs."""
    overlays = [binding.tiles.overlay for binding in desk.bindings]
    for layer in viewer.layers:
        if isinstance(layer, Image) and not any(layer is overlay for overlay in overlays):
            _show(layer, on=any(layer is image for image in images))
    for binding in desk.bindings:
        for layer in (binding.paint, binding.prediction):
            _show(layer, on=binding.image is images[0])


def _show(layer: Layer, *, on: bool) -> None:
    """Show or hide a layer; napari takes the tool away from one that is told again what it is."""
    if layer.visible != on:
        layer.visible = on
