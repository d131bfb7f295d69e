"""The samples of *File > Open Sample > U-Net* as napari layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari_unet.core.samples import (
    Sample,
    floating_cell,
    stained_tissue,
    touching_cells,
    vessels,
)

LayerData = tuple[Any, dict[str, Any], str]
STROKES = {"napari-unet": "strokes"}  # metadata by which the panel knows a paint layer


def open_stained_tissue() -> list[LayerData]:
    """Colon glands, stained, and strokes for glass, stroma and gland."""
    return _layers(stained_tissue)


def open_cell() -> list[LayerData]:
    """One cell in saline, and strokes for background and cell."""
    return _layers(floating_cell)


def open_vessels() -> list[LayerData]:
    """Vessels of the retina, and strokes for background and vessel."""
    return _layers(vessels)


def open_touching_cells() -> list[LayerData]:
    """Drawn cells that touch, with strokes and the truth (hidden at first)."""
    return _layers(touching_cells)


def _layers(make: Callable[[], Sample]) -> list[LayerData]:
    """Image, truth where there is one, and strokes on top.

    The strokes layer says in its metadata what it is, and the names of its classes.
    """
    sample = make()
    name = sample.name
    layers: list[LayerData] = [
        (sample.image, {"name": name, "rgb": sample.image.ndim == 3}, "image")
    ]
    if sample.truth is not None:
        layers.append((sample.truth, {"name": f"{name} truth", "visible": False}, "labels"))
    metadata = {**STROKES, "classes": sample.classes}
    layers.append((sample.strokes, {"name": f"{name} strokes", "metadata": metadata}, "labels"))
    return layers
