"""Training without a window: the same session, driven by a loop."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.annotations import Annotations, check_shapes, check_trainable
from napari_unet.core.image import as_plane, as_volume
from napari_unet.core.model import Model, load
from napari_unet.core.objects_ids import classes_of_values
from napari_unet.core.objects_paint import OBJECT, Kind, coded
from napari_unet.core.settings import Settings
from napari_unet.engine.inbox import Inbox
from napari_unet.engine.limit import Limit
from napari_unet.engine.messages import (
    Annotate,
    Command,
    Configure,
    Event,
    Judged,
    Open,
    Ready,
    Refused,
    Rested,
    Train,
    Trained,
)
from napari_unet.engine.session import Session

_DEFAULT_SECONDS = 60.0


class TrainingError(ValueError):
    """Training could not begin; the message says what to do."""


def train(  # noqa: PLR0913 - the public API, keyword-only from the third on
    images: Sequence[NDArray[Any]],
    annotations: Sequence[NDArray[Any]],
    *,
    classes: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
    aside: Sequence[bool] | None = None,
    seconds: float | None = None,
    steps: int | None = None,
    settings: Settings | None = None,
    init: str | os.PathLike[str] | Model = "bundled",
    objects: Kind | None = None,
    anisotropy: float = 1.0,
    report: Callable[[Event], None] | None = None,
) -> Model:
    """Train a model on sparsely painted images, or on volumes.

    Parameters
    ----------
    images : sequence of (Y, X) or (Y, X, 3) arrays
        Grey or colour, any numeric type. Volumes are (Z, Y, X) or (Z, Y, X, 3).
    annotations : sequence of (Y, X) integer arrays
        Paint on each image: 0 = unlabelled, 1…K = classes. If they are (Z, Y, X), the network has
        three axes and learns from volumes; strokes on a few slices are enough.
    classes : sequence of str, optional
        Names of the classes 1…K.
    names : sequence of str, optional
        What the images are called, for the model's file to tell.
    aside : sequence of bool, optional
        Which images are kept for validation: their paint is only judged by.
    seconds, steps : optional
        When to stop: wall time in s, or training steps; 60 s by default. Time runs from the
        moment that all images are read and checked; the first answer and the last judgement are
        within it, and only the first answer is waited for in any case.
        Training also ends when it no longer gets better on held-out strokes.
    settings : Settings, optional
    init : "bundled", "random", a model or a model's path
        What to start from. A model keeps its own kind of network, whatever the settings say.
    objects : "sparse" or "dense", optional
        The annotations hold numbers of objects, any number of them, and not of classes. Sparse:
        0 = unlabelled, 1 = background, 2, 3, … = objects. Dense: 0 = background, 1, 2, … = objects,
        as the masks of most tools. The network learns to part objects that touch.
    anisotropy : float
        Distance of two slices in px: z spacing / x spacing. Of volumes only.
    report : callable, optional
        Is given each event of the session.

    Returns
    -------
    Model
        The weights that did best on held-out strokes.

    Raises
    ------
    ImageError, AnnotationError, ModelError, DeviceError, TrainingError
        With a sentence that says what to do.

    Examples
    --------
    >>> model = train([image], [strokes], classes=("background", "cell"), seconds=30)
    >>> labels = model.segment(other)
    """
    begin = _start(init)
    paints = [_painted(np.asarray(paint), objects) for paint in annotations]
    if objects and not classes and not isinstance(begin, Model):
        classes = ("background", "object")
    if anisotropy <= 0 or not np.isfinite(anisotropy):
        raise TrainingError(f"An anisotropy of {anisotropy} makes no sense: it is 1 for cubes.")
    planes = [
        Open(str(index), plane, "" if names is None else names[index], anisotropy)
        for index, plane in enumerate(_planes(images, paints))
    ]
    painted = _annotate(paints, aside)
    commands = list(_commands(planes, painted, classes, settings or Settings(), begin))
    if seconds is None and steps is None:
        seconds = _DEFAULT_SECONDS
    session = Session(spare=0, init=begin)
    for event in _until(Limit(seconds, steps), session, Inbox(*commands)):
        if report is not None:
            report(event)
        if isinstance(event, Refused):
            raise TrainingError(event.sentence)
    return session.bench.model()


def _until(limit: Limit, session: Session, inbox: Inbox) -> Iterator[Event]:
    """What the session says until it is time to stop, its last judgement included."""
    began, done, step, check = time.monotonic(), 0, 0.0, 0.0
    for event in session.run(inbox):
        yield event
        match event:
            case Ready():
                began = time.monotonic()
            case Trained():
                done, step = event.step, event.seconds
            case Judged() if event.step:  # before the first step it is the answer's time
                check = event.seconds
            case Rested():
                break
            case _:
                pass
        passed = time.monotonic() - began
        trainer = session.bench.trainer
        if trainer is not None and trainer.settings.training.schedule == "falling":
            trainer.spent = limit.spent(passed, done)
        if session.bench.answered and limit.reached(passed, step + check, done):
            break
    yield from session.finish()


def _start(
    init: str | os.PathLike[str] | Model,
) -> Literal["bundled", "random"] | Model:
    if isinstance(init, Model):
        return init
    if init == "bundled":
        return "bundled"
    return "random" if init == "random" else load(init)


def _planes(images: Sequence[NDArray[Any]], paints: Sequence[Annotations]) -> list[NDArray[Any]]:
    """Images as (C, Y, X) or (C, Z, Y, X), after they and their paint were checked."""
    if len(images) != len(paints) or not images:
        raise TrainingError(
            f"There are {len(images)} images and {len(paints)} annotations: "
            "give one annotation for each image."
        )
    planes = [
        as_volume(image) if len(paint.shape) == 3 else as_plane(image)
        for image, paint in zip(images, paints, strict=True)
    ]
    for plane, paint in zip(planes, paints, strict=True):
        check_shapes(paint.shape, plane.shape[1:])
    return planes


def _annotate(paints: Sequence[Annotations], aside: Sequence[bool] | None) -> list[Annotate]:
    """Paint as the window would send it, of some images only to judge by."""
    only_judged = [False] * len(paints) if aside is None else list(aside)
    if len(only_judged) != len(paints):
        raise TrainingError(
            f"There are {len(paints)} images, but aside says of {len(only_judged)} whether they "
            "are only judged by: say it of each."
        )
    return [
        Annotate(str(index), paint, aside=bool(kept))
        for index, (paint, kept) in enumerate(zip(paints, only_judged, strict=True))
    ]


def _commands(
    planes: Sequence[Open],
    painted: Sequence[Annotate],
    classes: Sequence[str] | None,
    settings: Settings,
    init: Literal["bundled", "random"] | Model,
) -> Iterator[Command]:
    """What a user's clicks would have sent, after everything was checked."""
    counts, learnt = np.zeros(256, np.int64), np.zeros(256, np.int64)
    for one in painted:
        paint = one.annotations
        np.add.at(counts, classes_of_values(paint.objects), paint.counts)
        if not one.aside:
            np.add.at(learnt, classes_of_values(paint.objects), paint.counts)
    check_trainable(learnt)
    highest = int(np.flatnonzero(counts)[-1])
    names = tuple(classes or ())
    if names and len(names) < highest:
        raise TrainingError(
            f"Class {highest} is painted but only {len(names)} classes are named: name them all."
        )
    if not names:
        known = init.header.classes if isinstance(init, Model) else ()
        names = known if len(known) >= highest else _numbered(highest)
    yield Configure(names, settings)
    for plane, one in zip(planes, painted, strict=True):
        yield plane
        yield one
    yield Train()


def _painted(paint: NDArray[Any], objects: Kind | None) -> Annotations:
    """Paint of classes, or of objects, all of one class."""
    if paint.ndim == 3:
        parts = paint if objects is None else np.stack([coded(p, objects) for p in paint])
        return Annotations.of_volume(parts, () if objects is None else (OBJECT,))
    if objects is None:
        return Annotations.of(paint)
    return Annotations.of(coded(paint, objects), objects=(OBJECT,))


def _numbered(count: int) -> tuple[str, ...]:
    return tuple(f"class {number}" for number in range(1, count + 1))
