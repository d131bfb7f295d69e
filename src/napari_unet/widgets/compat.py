"""What differs between the napari versions that we run on, in one place."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
from napari.layers import Labels, Layer
from napari.viewer import Viewer
from numpy.typing import NDArray

from napari_unet.engine.messages import Box


def unwrapped(viewer: Viewer) -> Viewer:
    """The viewer itself, where napari hands plugins a proxy; proxies break identity of layers."""
    return getattr(viewer, "__wrapped__", viewer)


def camera(viewer: Viewer) -> Any:  # noqa: ANN401
    """The camera; napari 0.9 moved it from the viewer to its scene."""
    return getattr(viewer, "scene", viewer).camera


def view_events(viewer: Viewer) -> list[Any]:
    """The events that tell that something else is in view: camera, sliders, window size."""
    moves = camera(viewer).events
    events = [moves.center, moves.zoom, viewer.dims.events.current_step]
    canvas = getattr(viewer, "canvas", None)
    if canvas is not None and hasattr(canvas.events, "size"):
        events.append(canvas.events.size)
    return events


def connect_all(events: list[Any], slot: Callable[..., None]) -> None:
    """Connect one slot to several events."""
    for event in events:
        event.connect(slot)


def disconnect_all(events: list[Any], slot: Callable[..., None]) -> None:
    """Undo `connect_all`."""
    for event in events:
        event.disconnect(slot)


def plainly_2d(viewer: Viewer) -> bool:
    """Whether the last two axes are in view, neither turned nor in 3-D."""
    dims = viewer.dims
    return dims.ndisplay == 2 and tuple(dims.displayed) == (dims.ndim - 2, dims.ndim - 1)


def has_no_name(label: str) -> bool:
    """Whether an axis is called as napari calls those without a name: "-3", in 0.6 "axis -3"."""
    return not label or label.removeprefix("axis ").lstrip("-").isdigit()


def look_events(layer: Labels) -> list[Any]:
    """The events that tell that a layer of labels looks different, with the same data."""
    return [layer.events.visible, layer.events.opacity, layer.events.contour]


def visible_box(viewer: Viewer, layer: Layer, shape: tuple[int, int]) -> Box:
    """What the user sees of the last two axes of a layer, in px, cut to its (Y, X) `shape`.

    The whole plane where the view is not one of those axes: 3-D or transposed.
    """
    whole = (0, 0, *shape)
    if not plainly_2d(viewer):
        return whole
    canvas = getattr(viewer, "canvas", None)
    corners = (
        _from_corner_pixels(layer)
        if canvas is None or not hasattr(canvas, "size")
        else _from_camera(viewer, layer, canvas.size)
    )
    low = np.clip(np.floor(corners.min(axis=0)), 0, shape).astype(int)
    high = np.clip(np.ceil(corners.max(axis=0)), 0, shape).astype(int)
    if (high <= low).any():  # the image is out of sight
        return whole
    return (int(low[0]), int(low[1]), int(high[0]), int(high[1]))


def _from_camera(viewer: Viewer, layer: Layer, size: tuple[int, int]) -> NDArray[Any]:
    """Corners (4, 2) of the canvas in the layer's pixels."""
    eye = camera(viewer)
    centre, half = np.asarray(eye.center[-2:]), np.asarray(size) / (2 * eye.zoom)
    point = np.asarray(viewer.dims.point, float)
    corners = []
    for signs in itertools.product((-1, 1), repeat=2):
        point[-2:] = centre + half * signs
        corners.append(np.asarray(layer.world_to_data(point))[-2:])
    return np.asarray(corners)


def _from_corner_pixels(layer: Layer) -> NDArray[Any]:
    """Corners (2, 2); napari < 0.9 does not tell the size of its canvas."""
    corners: NDArray[Any] = np.array(layer.corner_pixels)[:, -2:]
    corners[1] += 1
    return corners
