"""Keeps the measurements of a layer of objects right when some of them are corrected."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec.structs import replace
from napari.layers import Image, Labels

from napari_unet.core.measurements import measure
from napari_unet.core.objects_fixing import Fix
from napari_unet.widgets.object_making import Grey, place_in_world, stack_axes
from napari_unet.widgets.planes import Index


def remeasure(layer: Labels, images: Sequence[Image], index: Index, fix: Fix) -> None:
    """Measure the objects that a correction concerns anew."""
    if "index" not in layer.features:
        return
    place = place_in_world(images[0])
    corner = tuple(
        at + step * side.start
        for at, step, side in zip(place.origin, place.spacing, fix.box, strict=True)
    )
    greys = [Grey.of(image) for image in images]
    channels = {
        name: plane[fix.box] for grey in greys for name, plane in grey.channels(index).items()
    }
    rows = measure(fix.objects, channels, replace(place, origin=(corner[0], corner[1])))
    axes = dict(zip(stack_axes(images[0]), index, strict=True))
    rows |= {axis: np.full(len(rows["index"]), at) for axis, at in axes.items()}
    old = np.isin(layer.features["index"], fix.concerned)
    for axis, at in axes.items():  # other tools give one id to objects of several planes
        if axis in layer.features:
            old &= layer.features[axis].to_numpy() == at
    kept = layer.features[~old]
    order = np.argsort(np.concatenate([kept["index"], rows["index"]]), kind="stable")
    layer.features = {
        name: np.concatenate([kept[name], rows[name]])[order]
        for name in layer.features
        if name in rows  # what somebody added is not known of new objects
    }
