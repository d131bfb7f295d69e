"""A row of images on this machine: reading, computing and writing overlap.

One thread reads planes ahead, the caller computes, one thread looks for objects, compresses and
writes behind. Both queues are short, so memory does not grow with the number of files.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import TypeAlias, TypeVar

import numpy as np

from napari_unet.core.recipe import Recipe
from napari_unet.engine.batch.blocks import Large
from napari_unet.engine.batch.delivery import Delivery, write
from napari_unet.engine.batch.large import begin, fill, finish
from napari_unet.engine.batch.plan import Job
from napari_unet.engine.batch.segmenter import ModelSegmenter, Segmenter, axes_of
from napari_unet.engine.batch.sheet import Sheet, read, sentence
from napari_unet.engine.batch.stages import Found, Results, segment

_AHEAD, _BEHIND = 3, 3  # planes that wait to be computed, and to be written
_PATIENCE = 0.2  # s after which the caller is told that there is nothing new

Thing = TypeVar("Thing")


@dataclass(frozen=True)
class Advanced:
    """How much of an image is segmented, 0…1."""

    job: Job
    share: float


Step: TypeAlias = Advanced | Delivery


def run_here(
    jobs: Sequence[Job], segmenter: Segmenter, recipe: Recipe, target: Path, key: str
) -> Generator[Step]:
    """Segment images one after the other; each ends in one `Delivery`, in their order.

    Where nothing is new for a while, the last `Advanced` comes again, so that the caller can look
    after other things, or stop.
    """
    writer = _Writer(segmenter.classes, recipe, target, key)
    given_up: set[Job] = set()
    sheets = _sheets(jobs, recipe, given_up, segmenter)
    ahead: deque[Future[Sheet | None]] = deque()
    behind: deque[Future[Delivery | None]] = deque()
    with ThreadPoolExecutor(1, "reading") as reading, ThreadPoolExecutor(1, "writing") as writing:
        try:
            # volumes are large, so only one waits
            for _ in range(1 if axes_of(segmenter) == 3 else _AHEAD):
                ahead.append(reading.submit(next, sheets, None))
            now = Advanced(jobs[0], 0.0)
            while (sheet := (yield from _wait(ahead[0], now))) is not None:
                ahead.popleft()
                ahead.append(reading.submit(next, sheets, None))
                if sheet.job in given_up:
                    continue
                for step in _segment(sheet, segmenter, recipe, target):
                    if isinstance(step, Found):
                        behind.append(writing.submit(writer.take, step))
                        yield from _deliver(behind, now, given_up, _BEHIND)
                    else:
                        yield (now := Advanced(sheet.job, step))
                yield from _deliver(behind, now, given_up, _BEHIND)
            yield from _deliver(behind, now, given_up, 0)
        finally:
            reading.shutdown(cancel_futures=True)
            writing.shutdown()
            for future in behind:
                if future.exception() is None and (left := future.result()) is not None:
                    left.discard()


def _sheets(
    jobs: Sequence[Job], recipe: Recipe, given_up: set[Job], segmenter: Segmenter
) -> Iterator[Sheet]:
    for job in jobs:
        for sheet in _read(job, recipe, segmenter):
            if job in given_up:
                break
            yield sheet


def _read(job: Job, recipe: Recipe, segmenter: Segmenter) -> Iterator[Sheet]:
    """The planes or volumes of an image; large planes are left for who takes blocks of them."""
    axes = axes_of(segmenter)
    return read(job, recipe, axes, whole=axes == 3 or not isinstance(segmenter, ModelSegmenter))


def _segment(
    sheet: Sheet, segmenter: Segmenter, recipe: Recipe, target: Path
) -> Iterator[float | Found]:
    if not sheet.large or not isinstance(segmenter, ModelSegmenter):
        yield from segment(sheet, segmenter, recipe)
        return
    began, done, problem = time.perf_counter(), 0, ""
    large: Large | None = None
    try:
        large = begin(sheet.job, segmenter, recipe, target)
        for block in large.blocks:
            for size in fill(large, block, segmenter, recipe):
                done += size
                if (share := done / prod(large.shape)) < 1:
                    yield share
    except Exception as error:  # noqa: BLE001 - the other files go on
        problem = sentence(sheet.job, error)
    nothing = np.zeros((0, 0), np.uint8)
    yield Found(sheet, nothing, None, problem, time.perf_counter() - began, large)


def run_one(
    job: Job, segmenter: Segmenter, recipe: Recipe, target: Path, key: str
) -> Delivery | Large:
    """Segment one image, one stage after the other; begin it only, if its planes are large."""
    writer = _Writer(segmenter.classes, recipe, target, key)
    for sheet in _read(job, recipe, segmenter):
        if sheet.large and isinstance(segmenter, ModelSegmenter):
            try:
                return begin(job, segmenter, recipe, target)
            except Exception as error:  # noqa: BLE001 - the other files go on
                return Delivery(job, problem=sentence(job, error))
        with closing(segment(sheet, segmenter, recipe)) as steps:
            for step in steps:
                if isinstance(step, Found) and (delivery := writer.take(step)) is not None:
                    return delivery
    raise AssertionError("the last plane ends an image")


class _Writer:
    """Takes what was found, plane by plane in their order; gives a delivery when an image ends."""

    def __init__(self, classes: tuple[str, ...], recipe: Recipe, target: Path, key: str) -> None:
        self._classes, self._recipe, self._target, self._key = classes, recipe, target, key
        self._results: Results | None = None  # of the image whose planes come
        self._given_up: Job | None = None
        self._seconds = 0.0

    def take(self, found: Found) -> Delivery | None:
        """Add a plane; write at the last one of an image, or give it up if something is wrong."""
        job, began = found.sheet.job, time.perf_counter()
        if job == self._given_up:
            return None
        if found.sheet.number == 1:
            self._results, self._seconds = None, 0.0
        self._seconds += found.seconds
        try:
            delivery = self._put(found)
        except Exception as error:  # noqa: BLE001 - the other files go on
            delivery = Delivery(job, problem=sentence(job, error))
        finally:
            if found.large is not None:
                found.large.discard()
        self._seconds += time.perf_counter() - began
        if delivery is None:
            return None
        self._results = None
        if delivery.problem:
            self._given_up = job
        return replace(delivery, seconds=self._seconds)

    def _put(self, found: Found) -> Delivery | None:
        sheet = found.sheet
        if found.problem or sheet.stack is None:
            return Delivery(sheet.job, problem=found.problem)
        if found.large is not None:
            return finish(found.large, self._classes, self._recipe, self._target, self._key)
        self._results = self._results or Results(
            sheet.stack, sheet.stamp, self._classes, self._recipe
        )
        self._results.add(found)
        if sheet.number < sheet.count:
            return None
        return write(sheet.job, self._results, self._target, self._recipe, self._key)


def _wait(future: Future[Thing], now: Advanced) -> Generator[Advanced, None, Thing]:
    while not wait([future], _PATIENCE).done:
        yield now
    return future.result()


def _deliver(
    behind: deque[Future[Delivery | None]], now: Advanced, given_up: set[Job], most: int
) -> Iterator[Step]:
    """Deliver what is written; wait until no more than so many planes are yet to be."""
    while behind and (len(behind) > most or behind[0].done()):
        delivery = yield from _wait(behind[0], now)
        behind.popleft()
        if delivery is not None:
            if delivery.problem:
                given_up.add(delivery.job)
            yield delivery
