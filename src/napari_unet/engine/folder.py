"""Segment many files: one event a file, and one broken file stops nothing.

The session runs the generator between commands, the command line with a `for` loop. Files that
are done are known from a ledger, so a batch that was broken off goes on where it was; a result
gets its name only when it is whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import replace
from functools import partial

import msgspec

from napari_unet.core.files import FileError, flush, printable, temporary
from napari_unet.core.finding import natural
from napari_unet.core.recipe import Recipe
from napari_unet.engine.batch.cluster import run_on_cluster
from napari_unet.engine.batch.counting import join_tables
from napari_unet.engine.batch.delivery import Delivery, clean, foreign
from napari_unet.engine.batch.large import clear
from napari_unet.engine.batch.ledger import Entry, Ledger, Stamp, digest
from napari_unet.engine.batch.pipeline import Advanced, Step, run_here
from napari_unet.engine.batch.plan import Job, Order, plan
from napari_unet.engine.batch.segmenter import ModelSegmenter, Segmenter
from napari_unet.engine.messages import (
    FileAdvanced,
    FileSegmented,
    FolderEvent,
    FolderFound,
    FolderSegmented,
)

_TABLE = "measurements.csv"
_CUT = b"cut by the probability, too"  # so that objects of earlier versions are found anew


def segment_folder(
    order: Order,
    segmenter: Segmenter,
    *,
    cluster: str = "",
    stopped: Callable[[], bool] = lambda: False,
) -> Generator[FolderEvent]:
    """Segment image files into results of the same stem in another folder.

    A file is skipped if its results are there, of the same model and recipe, and the file is as
    it was then. A file of other origin, or a result that was corrected by hand, is not replaced.

    Parameters
    ----------
    order : Order
        Which files, where to, and what is made of them.
    segmenter : Segmenter
    cluster : str
        Address of a Dask scheduler, as tcp://host:8786, whose workers see the same folders;
        empty: compute here.
    stopped : callable
        Asked whenever the generator goes on; True ends the batch. What is done stays.

    Yields
    ------
    FolderFound
        First, the files.
    FileAdvanced
        Now and then, how far a file is.
    FileSegmented
        For each file; `error` holds a sentence where it failed.
    FolderSegmented
        At the end.

    Raises
    ------
    FileError
        At once, if there is nothing to do or the target cannot be used.
    """
    _check_classes(order.recipe, segmenter.classes)
    jobs = plan(order)
    if isinstance(segmenter, ModelSegmenter):
        segmenter = replace(segmenter, pictures=len(jobs))
    return _run(_Batch(order, segmenter, jobs), cluster, stopped)


def _run(batch: _Batch, cluster: str, stopped: Callable[[], bool]) -> Generator[FolderEvent]:
    cancelled, problem = False, ""
    try:
        with closing(Ledger(batch.order.target)) as ledger:
            batch.check_table(ledger)
            with closing(batch.events(ledger, cluster)) as events:
                for told in events:
                    yield told
                    if cancelled := stopped():
                        break
            batch.join_tables(ledger)
    except FileError as error:  # nothing can be written, or there is no cluster
        problem = printable(str(error))
    yield FolderSegmented(batch.written, batch.skipped, batch.failed, cancelled, problem)


def _check_classes(recipe: Recipe, classes: tuple[str, ...]) -> None:
    if unknown := [number for number in recipe.of if number > len(classes)]:
        raise FileError(
            f"This model has {len(classes)} classes ({', '.join(classes)}), there is no class "
            f"{unknown[0]} to count objects of: choose another one."
        )


class _Batch:
    """The files of one run, and what became of them so far."""

    def __init__(self, order: Order, segmenter: Segmenter, jobs: list[Job]) -> None:
        self.order, self._segmenter, self._jobs = order, segmenter, jobs
        recipe = msgspec.json.encode(order.recipe) + (_CUT if order.recipe.cuts else b"")
        self._key = hashlib.sha256(recipe + segmenter.identity).hexdigest()[:32]
        self.written = self.skipped = self.failed = 0

    def events(self, ledger: Ledger, cluster: str) -> Generator[FolderEvent]:
        """Segment all files that are not done."""
        order = self.order
        clean(order.target, self._jobs, order.recipe)
        clear(order.target)
        yield FolderFound(tuple(job.said for job in self._jobs))
        todo: list[Job] = []
        for job in self._jobs:
            if self._done(ledger, job):
                yield self._told(ledger, job, skipped=True)
            elif problem := self._refused(ledger, job):
                yield self._told(ledger, job, problem)
            else:
                todo.append(job)
        if not todo:
            return
        run = partial(run_on_cluster, cluster) if cluster else run_here
        steps = run(todo, self._segmenter, order.recipe, order.target, self._key)
        try:
            with closing(steps):
                for step in steps:
                    yield self._take(ledger, step)
        finally:  # also where it was stopped
            if cluster:  # what workers left that died
                clean(order.target, self._jobs, order.recipe)
            clear(order.target)

    def check_table(self, ledger: Ledger) -> None:
        """Refuse to replace a table of other origin. Raises `FileError`."""
        wanted = "measurements" in self.order.recipe.kinds and not self.order.again
        if wanted and (problem := foreign(ledger, self.order.target, _TABLE)):
            raise FileError(problem)

    def join_tables(self, ledger: Ledger) -> None:
        """Put the tables of this batch's images together, also of those that were done before.

        What another model or other choices said of an image is left out, and so is what is
        outdated because the image changed: rows of one table can be compared.
        """
        order = self.order
        if "measurements" not in order.recipe.kinds:
            return
        named = {job.results(order.recipe)["measurements"]: job for job in self._jobs}
        tables = sorted((t for t, job in named.items() if self._current(ledger, job)), key=natural)
        found = [order.target / table for table in tables]
        part = temporary(order.target / _TABLE)
        join_tables(part, found)
        flush(part)
        entry = Entry(_TABLE, self._key, Stamp.of(part), "", Stamp.of(part), digest(part))
        Delivery(self._jobs[0], (entry,), (part,)).commit(ledger, order.target, again=order.again)

    def _take(self, ledger: Ledger, step: Step) -> FolderEvent:
        if isinstance(step, Advanced):
            return FileAdvanced(step.job.said, step.share)
        problem = step.problem
        if not problem:
            try:
                step.commit(ledger, self.order.target, again=self.order.again)
            except FileError as error:
                problem = printable(str(error))
        return self._told(ledger, step.job, problem, seconds=step.seconds)

    def _told(
        self,
        ledger: Ledger,
        job: Job,
        problem: str = "",
        *,
        skipped: bool = False,
        seconds: float = 0.0,
    ) -> FileSegmented:
        self.failed += bool(problem)
        self.skipped += skipped
        self.written += not (problem or skipped)
        named = job.results(self.order.recipe).values()
        results = tuple(printable(str(self.order.target / name)) for name in named)
        done = self.failed + self.skipped + self.written
        objects = None if problem else ledger[next(iter(named))].objects
        return FileSegmented(
            job.said, results[0], done, len(self._jobs), seconds, problem, skipped, objects,
            results,
        )  # fmt: skip

    def _done(self, ledger: Ledger, job: Job) -> bool:
        if self.order.again or job.problem:
            return False
        return self._current(ledger, job)

    def _current(self, ledger: Ledger, job: Job) -> bool:
        """Whether all results of a job are there, by this model and as is asked for now."""
        results = job.results(self.order.recipe).values()
        try:
            return ledger.up_to_date(results, job.source, self._key)
        except OSError:  # the file is gone or may not be read; reading it will say so
            return False

    def _refused(self, ledger: Ledger, job: Job) -> str:
        results = job.results(self.order.recipe).values()
        taken = (foreign(ledger, self.order.target, result) for result in results)
        return job.problem or ("" if self.order.again else next(filter(None, taken), ""))
