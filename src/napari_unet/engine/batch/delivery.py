"""Results on their way to disk: written under temporary names, noted, then given their names."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from napari_unet.core.files import FileError, flush, is_temporary, reason, temporary
from napari_unet.core.recipe import Kind, Recipe
from napari_unet.core.writing import write_image
from napari_unet.engine.batch.counting import write_table
from napari_unet.engine.batch.ledger import Entry, Ledger, Stamp, digest
from napari_unet.engine.batch.plan import Job
from napari_unet.engine.batch.sheet import sentence
from napari_unet.engine.batch.stages import Results


@dataclass(frozen=True)
class Delivery:
    """What became of one image: results under temporary names, or a problem.

    Attributes
    ----------
    parts : the temporary files of the entries, in the same order
    seconds : that it took
    """

    job: Job
    entries: tuple[Entry, ...] = ()
    parts: tuple[Path, ...] = ()
    problem: str = ""
    seconds: float = 0.0

    def commit(self, ledger: Ledger, target: Path, *, again: bool) -> None:
        """Note the results, and give them their names.

        Raises
        ------
        FileError
            If a name is taken by a file of other origin, and not `again`.
        """
        try:
            ledger.add(
                replace(entry, before=_before(ledger, target, entry.result, again=again))
                for entry in self.entries
            )
            for entry, part in zip(self.entries, self.parts, strict=True):
                _rename(part, target / entry.result)
        except OSError as error:
            raise FileError(f"{target} cannot be written to: {reason(error)}.") from error
        finally:
            self.discard()

    def discard(self) -> None:
        """Delete what is still under a temporary name."""
        for part in self.parts:
            _delete(part)


def write(job: Job, results: Results, target: Path, recipe: Recipe, key: str) -> Delivery:
    """Write the results of an image under temporary names.

    Parameters
    ----------
    key : str
        Digest of the model and the recipe, for the ledger.
    """
    entries: list[Entry] = []
    parts: list[Path] = []
    try:
        if Stamp.of(job.source) != results.stamp:
            raise FileError(f"{job.said} was changed while it was segmented: run the batch again.")
        source = results.stamp, digest(job.source)
        for kind, result in job.results(recipe).items():
            path = target / result
            path.parent.mkdir(parents=True, exist_ok=True)
            parts.append(part := temporary(path))
            _write(part, job, kind, results, recipe)
            flush(part)
            entries.append(
                Entry(result, key, *source, Stamp.of(part), digest(part), objects=results.objects)
            )
    except Exception as error:  # noqa: BLE001 - the other files go on
        for part in parts:
            _delete(part)
        writing = isinstance(error, OSError)
        problem = f"The results cannot be written: {reason(error)}." if writing else ""
        return Delivery(job, problem=problem or sentence(job, error))
    return Delivery(job, tuple(entries), tuple(parts))


def _write(part: Path, job: Job, kind: Kind, results: Results, recipe: Recipe) -> None:
    if kind == "measurements":
        write_table(part, job.name, results.counting.tables if results.counting else ())
        return
    image, axes = results.images[kind], results.axes(kind)
    if kind == "objects" and (results.objects or 0) < 1 << 16:
        image = image.astype(np.uint16)
    names = results.classes if kind == "probabilities" else ()
    zarr = recipe.format == "ome-zarr"
    write_image(part, image, axes, results.stack.spacing, names, zarr=zarr)


def foreign(ledger: Ledger, target: Path, result: str) -> str:
    """The sentence for a result whose name is taken; empty where it is free or our own."""
    try:
        if ledger.owned(result) is not None:
            return ""
    except OSError as error:
        return f"{target / result} cannot be read: {reason(error)}. Choose another folder."
    return (
        f"{target / result} is there already and was not written by this program, or was changed "
        "since: choose another folder, or ask to overwrite."
    )


def clean(target: Path, jobs: list[Job], recipe: Recipe) -> None:
    """Delete what a batch that was killed left under temporary names."""
    folders = {(target / path).parent for job in jobs for path in job.results(recipe).values()}
    for folder in folders:
        for path in folder.iterdir() if folder.is_dir() else ():
            if is_temporary(path):
                _delete(path)


def _before(ledger: Ledger, target: Path, result: str, *, again: bool) -> str:
    owned = ledger.owned(result)
    if owned is None and not again:
        raise FileError(foreign(ledger, target, result))
    return owned or ""


def _rename(part: Path, path: Path) -> None:
    if path.is_dir() and not path.is_symlink():  # a folder takes no other folder's place by itself
        old = path.rename(temporary(path))
        part.rename(path)
        _delete(old)
    else:
        part.replace(path)


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
