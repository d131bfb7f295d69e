"""Where layers lie in the world: those of an image lie over it, wherever that is moved to."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from napari.layers import Layer
from napari.utils.events import Event

from napari_unet.widgets.planes import all_lengths, channel_axis

_MOVED = ("scale", "translate", "rotate", "shear", "affine")
_PLACE = (*_MOVED, "units", "axis_labels")


def place_of(layer: Layer) -> dict[str, object]:
    """Where a layer lies in the world, as arguments of one of its `full_shape`."""
    state = layer.as_layer_data_tuple()[1]
    place = {key: state[key] for key in _PLACE if key in state}
    channel = channel_axis(layer)
    if channel is not None:  # what has one plane for all channels is shown with each of them
        many = all_lengths(layer)[channel]
        scale, translate = np.array(place["scale"]), np.array(place["translate"])
        translate[channel] += (many - 1) / 2 * scale[channel]
        scale[channel] *= many
        place |= {"scale": scale, "translate": translate}
    return place


def lay_over(layer: Layer, image: Layer) -> None:
    """Move, scale and turn a layer of an image's `full_shape` so that it lies over it."""
    place = place_of(image)
    for key in _MOVED:
        setattr(layer, key, place[key])


class Follower:
    """Calls `follow` whenever an image is moved, scaled, turned or sheared, until closed."""

    def __init__(self, image: Layer, follow: Callable[[], None]) -> None:
        self._image, self._call = image, follow
        for name in _MOVED:
            image.events[name].connect(self._on_moved)

    def close(self) -> None:
        """Follow no longer."""
        for name in _MOVED:
            self._image.events[name].disconnect(self._on_moved)

    def _on_moved(self, _: Event) -> None:
        self._call()
