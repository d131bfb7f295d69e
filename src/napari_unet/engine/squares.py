"""Paint on large planes and volumes, handed to a trainer square by square.

A trainer makes arrays of the size of what it learns from. So of a large plane it gets only the
squares that hold paint, each as a plane of its own, and of a large volume those of each slice, as
volumes of one slice; what lies around a square, above and below it is still its context.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from napari_unet.core.annotations import Annotations, Block, check_shapes
from napari_unet.core.holdout import Split
from napari_unet.core.image import Picture
from napari_unet.core.objects_paint import class_map
from napari_unet.core.paint_blocks import cut
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
    """As `Trainer.annotate`, for a plane or volume of any size."""
    picture = trainer.pictures[plane]
    if not picture.large:
        return trainer.annotate(plane, paint, held=held, aside=aside)
    check_shapes(paint.shape, picture.shape)
    found = paint.squares(_SIDE)
    kept = held.squares(_SIDE) if held is not None else {}
    names = {f"{plane}@{','.join(map(str, corner))}": corner for corner in found}
    for old in _squares_of(trainer, plane):
        if old not in names:
            trainer.close(old)
    scores = []
    for name, corner in names.items():
        own, known = found[corner], trainer.splits.get(name)
        same = known is not None and np.array_equal(known.paint, class_map(own))
        if known is not None and same and known.aside == aside:
            continue
        if name not in trainer.pictures:
            ends = zip(corner, own.shape, strict=True)
            trainer.open(name, picture.part(tuple(slice(at, at + n) for at, n in ends)))
        scores.append(trainer.annotate(name, own, held=kept.get(corner), aside=aside))
    told = [score for score in scores if score is not None]
    return float(np.mean(told)) if told else None


def held(trainer: Trainer, plane: PlaneName) -> Annotations:
    """What is held out of a plane, as paint of classes; nothing where it is only judged by."""
    blocks: list[Block] = []
    for name in (*_squares_of(trainer, plane), plane):
        known = trainer.splits.get(name)
        if known is not None and not known.aside:
            blocks.extend(_held_of(trainer.pictures[name], known))
    ordered = tuple(sorted(blocks, key=lambda b: b.place))
    return Annotations(trainer.pictures[plane].shape, ordered)


def close(trainer: Trainer, plane: PlaneName) -> None:
    """As `Trainer.close`, for a plane or volume of any size."""
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


def _held_of(picture: Picture, split: Split) -> Iterator[Block]:
    """Blocks of what is held out of a plane, or of a square where that lies."""
    paint = np.where(split.held, split.paint, 0)
    window = picture.window or (slice(0, n) for n in paint.shape)
    z, y, x = ([0] * 3 + [side.start for side in window])[-3:]
    for k, part in enumerate(paint if paint.ndim == 3 else paint[None]):
        yield from cut(part, (), y, x, z + k)


def _squares_of(trainer: Trainer, plane: PlaneName) -> list[PlaneName]:
    return [name for name in trainer.pictures if name.startswith(f"{plane}@")]
