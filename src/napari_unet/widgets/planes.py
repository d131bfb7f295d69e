"""From napari's image layers to planes (C, Y, X), and where the user is in a stack."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import product

import numpy as np
import tifffile
from napari.layers import Image, Layer
from napari.viewer import Viewer

from napari_unet.core.image import ImageError
from napari_unet.widgets.compat import has_no_name

Index = tuple[int, ...]  # of the axes before (Y, X); 0 where channels are
_CHANNELS = "napari-unet channel axis"  # in a layer's metadata, as it belongs to the layer
_DEPTH = "napari-unet z axis"
_FILE_NAMES = "napari-unet axes in the file"  # kept there, as files are slow
_AXES = {"C": "channel", "Z": "z", "T": "time"}  # tifffile's letters
_TIME_NAMES = ("t", "time", "frame", "frames")
_CHANNEL_NAMES = ("c", "ch", "channel", "channels", "wavelength")


@dataclass(frozen=True)
class Roles:
    """Which of the axes before (Y, X) holds channels, and which z; the others are planes."""

    channels: int | None = None
    depth: int | None = None


def full_shape(layer: Layer) -> tuple[int, ...]:
    """Shape (…, Y, X) of a layer at full resolution, without colour; 1 where channels are."""
    shape, channel = all_lengths(layer), channel_axis(layer)
    return tuple(1 if axis == channel else n for axis, n in enumerate(shape))


def all_lengths(layer: Layer) -> tuple[int, ...]:
    """Lengths of the axes (…, Y, X) of a layer at full resolution, without colour."""
    data = layer.data[0] if layer.multiscale else layer.data
    shape = data.shape[:-1] if getattr(layer, "rgb", False) else data.shape
    return tuple(int(n) for n in shape)


def channel_axis(layer: Layer) -> int | None:
    """Which axis before (Y, X) holds channels: the one that was chosen, or that is called so."""
    if not isinstance(layer, Image):
        return None
    if _CHANNELS in layer.metadata:
        chosen: int | None = layer.metadata[_CHANNELS]
        return chosen
    found = [axis for axis, n in enumerate(axis_names(layer)) if n.lower() in _CHANNEL_NAMES]
    return found[0] if len(found) == 1 else None


def slice_axis(layer: Layer) -> int | None:
    """The axis along which a stack has slices: z, or the last with several planes; or None."""
    chosen = layer.metadata.get(_DEPTH)
    several = _several(layer)
    names = axis_names(layer)
    named = [axis for axis in several if names[axis].lower() == "z"]
    return chosen if chosen in several else max(named or several, default=None)


def depth_axis(layer: Layer) -> int | None:
    """The axis along which slices make a volume: as `slice_axis`, but never time; or None."""
    if layer.metadata.get(_DEPTH, 0) is None:
        return None
    axis = slice_axis(layer)
    if axis is None or layer.metadata.get(_DEPTH) == axis:
        return axis
    return None if axis_names(layer)[axis].lower() in _TIME_NAMES else axis


def possible_roles(layer: Layer, most_channels: int) -> list[Roles]:
    """What the axes of a layer can be, as long as there are no more channels than that."""
    lengths, names = all_lengths(layer)[:-2], axis_names(layer)
    several = [axis for axis, n in enumerate(lengths) if n > 1]
    few = [axis for axis in several if lengths[axis] <= most_channels]
    likely = sorted(several, key=lambda axis: (names[axis].lower() != "z", -axis))
    return [
        Roles(channels, depth)
        for channels in (None, *few)
        for depth in (*(axis for axis in likely if axis != channels), None)
    ]


def roles_of(layer: Layer) -> Roles:
    """What the axes of a layer are, as guessed or chosen; a single channel needs no axis."""
    channels = channel_axis(layer)
    alone = channels is not None and all_lengths(layer)[channels] == 1
    return Roles(None if alone else channels, depth_axis(layer))


def choose_roles(layer: Layer, roles: Roles) -> None:
    """Take the axes of a layer for these from now on."""
    choose_channel_axis(layer, roles.channels)
    layer.metadata[_DEPTH] = roles.depth


def take_over_roles(layer: Layer, before: Layer) -> None:
    """Take the axes of a layer for those of another one; z only where it was chosen there."""
    choose_channel_axis(layer, channel_axis(before))
    if _DEPTH in before.metadata:
        layer.metadata[_DEPTH] = before.metadata[_DEPTH]


def _several(layer: Layer) -> list[int]:
    """The axes with several planes."""
    return [axis for axis, n in enumerate(full_shape(layer)[:-2]) if n > 1]


def axis_names(layer: Layer) -> list[str]:
    """What the axes before (Y, X) are called; those without a name, by their number."""
    names = [str(name) for name in getattr(layer, "axis_labels", ())][:-2]
    count = len(all_lengths(layer)) - 2
    if count and (len(names) != count or all(map(has_no_name, names))):
        names = _names_in_file(layer) or [""] * count
    return [f"axis {i}" if has_no_name(name) else name for i, name in enumerate(names)]


def _names_in_file(layer: Layer) -> list[str]:
    """What a TIFF file calls the axes before (Y, X), which napari's own reader does not pass on."""
    if _FILE_NAMES not in layer.metadata:
        path, found = str(layer.source.path or ""), ""
        if path.lower().endswith((".tif", ".tiff")):
            with suppress(Exception), tifffile.TiffFile(path) as file:  # others read it already
                series = file.series[0]
                found = series.axes if series.shape == all_lengths(layer) else ""
        layer.metadata[_FILE_NAMES] = [_AXES.get(axis, "") for axis in found[:-2]]
    names: list[str] = layer.metadata[_FILE_NAMES]
    return names


def choose_channel_axis(layer: Layer, axis: int | None) -> None:
    """Take this axis as channels from now on; with None there are none."""
    layer.metadata[_CHANNELS] = axis


def plane_shape(layer: Layer) -> tuple[int, int]:
    """Shape (Y, X) of a layer's planes."""
    y, x = full_shape(layer)[-2:]
    return y, x


def indices(layer: Layer) -> Iterator[Index]:
    """All planes of a layer, in order; a single `()` for a 2-D image."""
    return product(*(range(n) for n in full_shape(layer)[:-2]))


def current_index(viewer: Viewer, layer: Layer) -> Index:
    """The plane of a layer that the sliders show."""
    lengths = full_shape(layer)[:-2]
    if not lengths:
        return ()
    point = np.asarray(layer.world_to_data(viewer.dims.point))[: len(lengths)]
    rounded = np.clip(np.rint(point), 0, np.asarray(lengths) - 1)
    return tuple(int(i) for i in rounded)


def show_index(viewer: Viewer, layer: Layer, index: Index) -> None:
    """Put the sliders on a plane of a layer."""
    point = np.asarray(layer.data_to_world((*index, 0, 0)))
    first = viewer.dims.ndim - len(point)  # axes that the layer does not have
    for axis in range(len(index)):
        if axis == channel_axis(layer):
            continue
        viewer.dims.set_point(first + axis, float(point[axis]))


def count_channels(layers: Sequence[Image]) -> int:
    """How many channels the network sees of an image (several layers are its channels)."""
    return sum(map(_channels, layers))


def _channels(layer: Image) -> int:
    axis = channel_axis(layer)
    return (3 if layer.rgb else 1) * (1 if axis is None else all_lengths(layer)[axis])


def check_channels(layers: Sequence[Image]) -> None:
    """Refuse layers of different sizes as channels of one image.

    Raises
    ------
    ImageError
    """
    first = layers[0]
    for layer in layers[1:]:
        if full_shape(layer) != full_shape(first):
            raise ImageError(
                f"“{layer.name}” is {_size(layer)} but “{first.name}” is {_size(first)}: "
                "channels of one image must have the same size."
            )


def _size(layer: Layer) -> str:
    return " × ".join(str(n) for n in full_shape(layer)) + " px"
