"""Takes what a label layer holds as paint: whole, or where the user says."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from napari.layers import Image, Labels, Shapes
from napari.viewer import Viewer
from numpy.typing import NDArray
from skimage.draw import polygon2mask

from napari_unet.core.annotations import MAX_CLASSES, AnnotationError
from napari_unet.core.objects_paint import dealt
from napari_unet.core.weighting import BACKGROUND
from napari_unet.widgets.binding import Binding
from napari_unet.widgets.compat import visible_box
from napari_unet.widgets.planes import all_lengths, full_shape, indices

Holds: TypeAlias = Literal["dense", "sparse", "classes"]
Where: TypeAlias = Literal["view", "shapes", "all"]


def may_hold_labels(layer: Labels | Image, binding: Binding | None) -> bool:
    """Whether an image may be masks in truth: napari opens those of 8 and 16 bits as such."""
    if isinstance(layer, Labels):
        return True
    return (
        binding is not None
        and not any(layer is image for image in binding.images)
        and not layer.rgb
        and np.dtype(layer.dtype).kind in "iu"
        and all_lengths(layer) == full_shape(binding.image)
    )


def take(
    viewer: Viewer,
    binding: Binding,
    source: Labels | Image,
    holds: Holds,
    where: Where,
    ids: list[int],
) -> int:
    """Paint what a layer holds; napari's undo takes it back. How many pixels were painted.

    Parameters
    ----------
    viewer : Viewer
    binding : Binding
        Whose strokes are painted.
    source : Labels, or Image of integers
    holds : "dense" (0 is background, 1, 2, … objects), "sparse" (0 unlabelled, 1 background, 2,
        3, … objects) or "classes"
    where : "view", "shapes" (inside what is drawn on the topmost Shapes layer) or "all"
    ids : list of int
        Values of paint for the objects.

    Raises
    ------
    AnnotationError
        If the layer does not fit the image, or nothing is drawn.
    """
    if full_shape(source) != binding.strokes.easel.shape:
        raise AnnotationError(
            f"“{source.name}” has another size than “{binding.image.name}”: choose a layer of the "
            "image's own size."
        )
    inside = _inside(viewer, binding, where)
    rows, columns = (np.flatnonzero(inside.any(axis=axis)) for axis in (1, 0))
    y, x, stop, end = int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1
    inside = inside[y:stop, x:end]
    data = source.data[0] if source.multiscale else source.data
    painted = 0
    for index in indices(source) if where == "all" else (binding.strokes.current,):
        around = binding.strokes.part(index, (y, x, stop, end))
        values = _values(
            np.asarray(data[(*index, np.s_[y:stop], np.s_[x:end])]), holds, around, ids
        )
        painted += binding.strokes.paint(index, y, x, inside & (values > 0), values)
    return painted


def _values(
    labels: NDArray[np.integer], holds: Holds, around: NDArray[np.uint8], ids: list[int]
) -> NDArray[np.uint8]:
    """Labels as values of paint: (h, w), 0 where there is to be none."""
    if holds == "classes":
        if labels.size and labels.max() > MAX_CLASSES:
            raise AnnotationError(
                f"This layer holds the value {labels.max()}, so its values are objects, no "
                "classes: choose “objects”."
            )
        return labels.astype(np.uint8)
    background = labels == (0 if holds == "dense" else 1)
    objects = np.where(background, 0, labels)
    return np.where(background, BACKGROUND, dealt(objects, around, ids)).astype(np.uint8)


def _inside(viewer: Viewer, binding: Binding, where: Where) -> NDArray[np.bool_]:
    """The pixels (Y, X) that are meant."""
    if where == "all":
        return np.ones(binding.shape, bool)
    inside = np.zeros(binding.shape, bool)
    if where == "view":
        top, left, bottom, right = visible_box(viewer, binding.image, binding.shape)
        inside[top:bottom, left:right] = True
        return inside
    drawn = [layer for layer in viewer.layers if isinstance(layer, Shapes)]
    for shape in drawn[-1].data if drawn else ():
        corners = [binding.image.world_to_data(drawn[-1].data_to_world(at))[-2:] for at in shape]
        inside |= polygon2mask(binding.shape, np.asarray(corners))
    if not inside.any():
        raise AnnotationError(
            "Nothing is drawn: add a Shapes layer (Layers > New > Shapes), draw a rectangle around "
            "what is right, and press this again."
        )
    return inside
