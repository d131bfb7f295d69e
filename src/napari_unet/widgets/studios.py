"""Finds the studio of a viewer, so that all panels of a viewer share one."""

from __future__ import annotations

import weakref
from collections.abc import Callable

from napari.viewer import Viewer

from napari_unet.widgets.compat import unwrapped
from napari_unet.widgets.studio import Studio

# napari 0.9 uses these for nothing; a test looks
SHORTCUT = "Control-Shift-H"
NEXT_PLACE = "Control-Shift-N"
UNDO, REDO = "Control-Alt-Z", "Control-Alt-Shift-Z"

_studios: weakref.WeakKeyDictionary[Viewer, Studio] = weakref.WeakKeyDictionary()


def studio_of(viewer: Viewer) -> Studio:
    """The studio of a viewer; it lives as long as the viewer does."""
    viewer = unwrapped(viewer)
    if viewer not in _studios:
        _studios[viewer] = Studio(viewer)
        _bind(viewer, SHORTCUT, lambda studio: studio.desk.toggle_prediction())
        _bind(viewer, NEXT_PLACE, lambda studio: studio.pointer.ask())
        _bind(viewer, UNDO, lambda studio: studio.project.undo())
        _bind(viewer, REDO, lambda studio: studio.project.redo())
    return _studios[viewer]


def _bind(viewer: Viewer, key: str, action: Callable[[Studio], None]) -> None:
    """Do something with a viewer's studio by key; it must not keep the studio alive."""

    def act(viewer: Viewer) -> None:
        if viewer in _studios:
            action(_studios[viewer])

    viewer.bind_key(key, act, overwrite=True)
