"""Paint a few strokes in napari and a U-Net learns to segment your image while you watch.

The public names are loaded when they are first used, so that importing this package (which
napari does when it starts) loads neither torch nor Qt.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_unet.core.model import Model, load
    from napari_unet.engine.train import train

__all__ = ["Model", "__version__", "load", "train"]
__version__ = "0.1.0"

_HOMES = {
    "Model": "napari_unet.core.model",
    "load": "napari_unet.core.model",
    "train": "napari_unet.engine.train",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
