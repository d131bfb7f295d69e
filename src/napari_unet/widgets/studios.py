"""Finds the studio of a viewer, so that all panels of a viewer share one."""

from __future__ import annotations

import weakref

from napari.viewer import Viewer

from napari_unet.widgets import keys
from napari_unet.widgets.compat import unwrapped
from napari_unet.widgets.studio import Studio

_studios: weakref.WeakKeyDictionary[Viewer, Studio] = weakref.WeakKeyDictionary()


def studio_of(viewer: Viewer) -> Studio:
    """The studio of a viewer; it lives as long as the viewer does."""
    viewer = unwrapped(viewer)
    if viewer not in _studios:
        _studios[viewer] = Studio(viewer)
        for key in keys.ALL:
            _bind(viewer, key)
    return _studios[viewer]


def _bind(viewer: Viewer, key: keys.Key) -> None:
    """Have a key act on a viewer's studio; it must not keep the studio alive."""

    def act(viewer: Viewer) -> None:
        if viewer in _studios:
            key.act(_studios[viewer])

    key.bind(viewer, act)
