"""Paint on large planes, handed to a trainer square by square.

A trainer makes arrays of the size of what it learns from. So of a large plane it gets only the
squares that hold paint, each as a plane of its own; what lies around a square is still its context.
"""

from __future__ import annotations

import numpy as np

from napari_unet.core.annotations import Annotations, check_shapes
from napari_unet.core.objects_paint import class_map
from napari_unet.core.training import Trainer
from napari_unet.engine.messages import PlaneName

_SIDE = 1024  # px: a multiple of the pooling grid, so that features are those of the plane


def annotate(
    trainer: Trainer,
    plane: PlaneName,
    paint: Annotations,
    *,
    held: Annotations | None = None,
    aside: bool = False,
) -> float | None:
    """As `Trainer.annotate`, for a plane of any size."""
    picture = trainer.pictures[plane]
    if not picture.large:
        return trainer.annotate(plane, paint, held=held, aside=aside)
    check_shapes(paint.shape, picture.shape)
    found = paint.squares(_SIDE)
    kept = held.squares(_SIDE) if held is not None else {}
    names = {f"{plane}@{y},{x}": (y, x) for y, x in found}
    for old in _squares_of(trainer, plane):
        if old not in names:
            trainer.close(old)
    scores = []
    for name, (y, x) in names.items():
        own, known = found[y, x], trainer.splits.get(name)
        same = known is not None and np.array_equal(known.paint, class_map(own))
        if known is not None and same and known.aside == aside:
            continue
        if name not in trainer.pictures:
            height, width = own.shape
            trainer.open(name, picture.part((slice(y, y + height), slice(x, x + width))))
        scores.append(trainer.annotate(name, own, held=kept.get((y, x)), aside=aside))
    told = [score for score in scores if score is not None]
    return float(np.mean(told)) if told else None


def held(trainer: Trainer, plane: PlaneName) -> Annotations:
    """What is held out of a plane, as paint of classes; nothing where it is only judged by."""
    shape = trainer.pictures[plane].shape
    paint = Annotations(shape)
    if len(shape) == 3:  # a volume is never cut into squares
        known = trainer.splits.get(plane)
        if known is None or known.aside:
            return paint
        return Annotations.of_volume(np.where(known.held, known.paint, 0))
    for name in (*_squares_of(trainer, plane), plane):
        known = trainer.splits.get(name)
        if known is not None and not known.aside:
            window = trainer.pictures[name].window
            y, x = (0, 0) if window is None else (side.start for side in window)
            paint = paint.replaced(y, x, np.where(known.held, known.paint, 0))
    return paint


def close(trainer: Trainer, plane: PlaneName) -> None:
    """As `Trainer.close`, for a plane of any size."""
    for name in (*_squares_of(trainer, plane), plane):
        trainer.close(name)


def inherit(trainer: Trainer, old: Trainer, plane: PlaneName) -> None:
    """What was held out of a plane by an older trainer stays held out.

    Call it when the plane is open, before its paint is handed over.
    """
    picture = trainer.pictures[plane]
    for name in (*_squares_of(old, plane), plane):
        known = old.splits.get(name)
        if known is None:
            continue
        if name != plane and old.pictures[plane].shape == picture.shape:
            window = old.pictures[name].window
            assert window is not None  # noqa: S101 - a square is a part of its plane
            trainer.open(name, picture.part(window))
        if name in trainer.pictures and known.paint.shape == trainer.pictures[name].shape:
            trainer.splits[name] = known.within(trainer.base.classes)


def _squares_of(trainer: Trainer, plane: PlaneName) -> list[PlaneName]:
    return [name for name in trainer.pictures if name.startswith(f"{plane}@")]
