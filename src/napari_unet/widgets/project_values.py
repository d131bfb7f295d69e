"""Classes, paint and numbers as the panel has them and as a project has them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from napari_unet.core.annotations import Annotations
from napari_unet.core.project.changes import LabelClass as StoredClass
from napari_unet.core.project.changes import Plane
from napari_unet.core.project.manifest import Progress
from napari_unet.widgets.classes import ClassList, LabelClass
from napari_unet.widgets.planes import Index
from napari_unet.widgets.report import Point, Report


def stored_classes(classes: ClassList) -> tuple[StoredClass, ...]:
    """The panel's classes as a project keeps them."""
    return tuple(StoredClass(item.name, item.colour, item.objects) for item in classes.items)


def class_list(stored: tuple[StoredClass, ...]) -> ClassList:
    """A project's classes as the panel has them."""
    return ClassList(tuple(LabelClass(item.name, item.colour, item.objects) for item in stored))


def progress_of(report: Report, best: float | None) -> Progress:
    """How training went, and the score of the best model, as a project keeps it."""
    return Progress(
        step=report.step,
        loss=report.loss,
        held_out=report.held_out,
        best=best,
        losses=_finite(report.losses),
        scores=_finite(report.scores),
        agreements=_finite(report.agreements),
    )


def with_progress(report: Report, progress: Progress) -> Report:
    """The panel's numbers with those of a project."""
    return replace(
        report,
        step=progress.step,
        loss=progress.loss,
        held_out=progress.held_out,
        losses=progress.losses,
        scores=progress.scores,
        agreements=progress.agreements,
    )


def planes_of(paint: Mapping[Plane, Annotations], number: int) -> dict[Index, Annotations]:
    """The paint on the planes of one image."""
    return {index: own for (image, index), own in paint.items() if image == number}


def fits(index: Index, paint: Annotations, shape: tuple[int, ...]) -> bool:
    """Whether a plane of paint lies in an image."""
    planes = shape[:-2]
    inside = len(index) == len(planes) and all(i < n for i, n in zip(index, planes, strict=True))
    return inside and paint.shape == shape[-2:]


def _finite(points: tuple[Point, ...]) -> tuple[Point, ...]:
    """Without those that JSON cannot hold; a step can have no loss."""
    return tuple(point for point in points if math.isfinite(point[1]))
