"""What a project says of image layers, and the layers that it means."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import UNSET
from msgspec.structs import replace
from napari.layers import Image, Layer

from napari_unet.core.files import printable
from napari_unet.core.project import sources
from napari_unet.core.project.manifest import File, Place, Source
from napari_unet.widgets.planes import (
    Roles,
    all_lengths,
    choose_channel_axis,
    choose_roles,
    full_shape,
    roles_of,
)

# Files of layers as they were found: a share that is gone answers after a minute, strokes go on
_files: weakref.WeakKeyDictionary[Image, tuple[str, Path | None]] = weakref.WeakKeyDictionary()


def source_of(layer: Image) -> Source:
    """What a project remembers of a layer before its file is looked at."""
    path, roles = file_of(layer), roles_of(layer)
    return Source(
        name=printable(layer.name),
        shape=full_shape(layer),
        dtype=str(np.dtype(pixels(layer).dtype)),
        rgb=bool(layer.rgb),
        file=None if path is None else File(path.as_posix()),
        reader=(layer.source.reader_plugin or "") if path is not None else "",
        place=_place(layer),
        channel=roles.channels,
        channels=1 if roles.channels is None else all_lengths(layer)[roles.channels],
        depth=roles.depth,
    )


def file_of(layer: Image) -> Path | None:
    """The file that a layer was read from, if it was there when that was first asked."""
    named = layer.source.path
    if not named or "://" in named:
        return None
    known = _files.get(layer)
    if known is None or known[0] != named:
        known = _files[layer] = (named, _found(Path(named).absolute()))
    return known[1]


def matches(layer: Layer, source: Source) -> bool:
    """Whether a layer has the size and type that a source had."""
    return (
        isinstance(layer, Image)
        and all_lengths(layer) == source.lengths
        and bool(layer.rgb) == source.rgb
        and str(np.dtype(pixels(layer).dtype)) == source.dtype
    )


def best(layers: Sequence[Layer], source: Source) -> Image | None:
    """Of the layers that a file gave, the one that is meant."""
    fitting = [layer for layer in layers if matches(layer, source)]
    named = [layer for layer in fitting if printable(layer.name) == source.name]
    return next(iter(named or fitting), None)


def put_in_place(layer: Image, source: Source) -> None:
    """Name a layer and lay it where it lay; a place that does not fit is left out."""
    layer.name = source.name
    choose_channel_axis(layer, source.channel)
    if source.depth is not UNSET:
        choose_roles(layer, Roles(source.channel, source.depth))
    place = source.place
    for name in ("scale", "translate"):
        if len(getattr(place, name)) == layer.ndim:
            _set(layer, name, getattr(place, name))
    for name in ("rotate", "shear", "affine", "units", "axis_labels"):
        value = getattr(place, name)
        if value:
            _set(layer, name, value)


def pixels(layer: Image) -> Any:  # noqa: ANN401
    """A layer's pixels at full resolution, as they are: they may be lazy."""
    return layer.data[0] if layer.multiscale else layer.data


def identified(source: Source, pixels: Any, folder: Path, name: str) -> Source:  # noqa: ANN401
    """The source with its file's checksum; small images and those without a file are copied.

    Parameters
    ----------
    source : Source
    pixels : array
        Of the layer; read only if they are copied.
    folder : Path
        Of the project.
    name : str
        For the copy, in that folder.

    Raises
    ------
    OSError
    """
    size = pixels.size * np.dtype(pixels.dtype).itemsize
    if source.file is not None:
        path = Path(source.file.path)
        source = replace(source, file=sources.fingerprint(path) if path.exists() else None)
    if size > (sources.TOO_LARGE if source.file is None else sources.SMALL):
        return source
    return replace(source, copy=sources.copy_in(folder, name, np.asarray(pixels)))


def _found(path: Path) -> Path | None:
    with contextlib.suppress(OSError):
        return path if path.exists() else None
    return None


def _place(layer: Image) -> Place:
    state = layer.as_layer_data_tuple()[1]
    affine = np.asarray(state["affine"], float)
    return Place(
        scale=tuple(float(v) for v in state["scale"]),
        translate=tuple(float(v) for v in state["translate"]),
        rotate=_matrix(state["rotate"]),
        shear=tuple(float(v) for v in np.ravel(state["shear"])),
        affine=_matrix(affine),
        units=tuple(str(u) for u in state.get("units", ())),
        axis_labels=tuple(str(a) for a in state.get("axis_labels", ())),
    )


def _matrix(values: Any) -> tuple[tuple[float, ...], ...]:  # noqa: ANN401
    array = np.atleast_2d(np.asarray(values, float))
    return tuple(tuple(float(v) for v in row) for row in array)


def _set(layer: Image, name: str, value: Any) -> None:  # noqa: ANN401
    try:
        setattr(layer, name, np.asarray(value) if name in ("rotate", "affine") else value)
    except (ValueError, TypeError, AttributeError, IndexError):
        return  # of another napari version or number of axes; the image's own place stays
