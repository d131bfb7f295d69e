"""Finds the studio of a viewer, so that all panels of a viewer share one."""

from __future__ import annotations

import weakref

from napari.viewer import Viewer

from napari_unet.widgets.compat import unwrapped
from napari_unet.widgets.studio import Studio

SHORTCUT = "Control-Shift-H"  # napari 0.9 uses it for nothing; a test looks

_studios: weakref.WeakKeyDictionary[Viewer, Studio] = weakref.WeakKeyDictionary()


def studio_of(viewer: Viewer) -> Studio:
    """The studio of a viewer; it lives as long as the viewer does."""
    viewer = unwrapped(viewer)
    if viewer not in _studios:
        _studios[viewer] = Studio(viewer)
        _bind_shortcut(viewer, _studios[viewer])
    return _studios[viewer]


def _bind_shortcut(viewer: Viewer, studio: Studio) -> None:
    """Show and hide the prediction by key; it must not keep the studio alive."""
    known = weakref.ref(studio)

    def toggle_prediction(_: Viewer) -> None:
        studio = known()
        if studio is not None:
            studio.desk.toggle_prediction()

    viewer.bind_key(SHORTCUT, toggle_prediction, overwrite=True)
