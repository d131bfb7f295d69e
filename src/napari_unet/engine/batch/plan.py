"""Which files are segmented, and what their results are called."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path, PurePosixPath

from napari_unet.core.files import SLIDES, SUFFIXES, TIFF, FileError, printable, reason
from napari_unet.core.finding import RESULTS, find_images
from napari_unet.core.reading_bioio import PACKAGES, scene_names
from napari_unet.core.reading_tiff import count_images
from napari_unet.core.recipe import Kind, Recipe

ROWS = f"{RESULTS}/measurements"  # one table a file, put together at the end


@dataclass(frozen=True)
class Order:
    """What is to be segmented.

    Attributes
    ----------
    places : files and folders
    target : the folder of the results; made where needed
    pattern : what names of files in folders must match, with `*` and `?`
    deep : look into sub-folders too; the results mirror them
    recipe : what is made of each file
    again : segment what is done once more, and replace files of other origin
    limit : only the first so many; 0: all
    """

    places: tuple[Path, ...]
    target: Path
    pattern: str = "*"
    deep: bool = False
    recipe: Recipe = field(default_factory=Recipe)
    again: bool = False
    limit: int = 0


@dataclass(frozen=True)
class Job:
    """One image to segment.

    Attributes
    ----------
    source : the image file
    name : its path in the folder it was found in, as the table of measurements says it
    stem : path of the results in their folder, without ending
    scene : which of the images in the file
    problem : a sentence, where it cannot be segmented
    """

    source: Path
    name: str
    stem: str
    scene: int = 0
    problem: str = ""

    @property
    def said(self) -> str:
        """The file, and which of its images."""
        return printable(str(self.source.with_name(PurePosixPath(self.name).name)))

    def results(self, recipe: Recipe) -> dict[Kind, str]:
        """The paths of the results in their folder, with / between the parts."""
        at = PurePosixPath(self.stem)
        return {
            kind: f"{ROWS}/{self.stem}.csv"
            if kind == "measurements"
            else str(at.with_name(recipe.image_name(at.name, kind)))
            for kind in recipe.kinds
        }


def plan(order: Order) -> list[Job]:
    """Find the images and name the results; sub-folders are mirrored.

    Files with the same stem (a.tif and a.png) keep their whole names: a.tif.tif and a.png.tif.

    Raises
    ------
    FileError
        If there is nothing to do, or a result might overwrite an image.
    """
    recipe = order.recipe
    jobs = list(islice(_once(order), order.limit or None))
    twice = _shared(jobs, recipe)
    jobs = [_full_name(job) if _paths(job, recipe) & twice else job for job in jobs]
    twice = _shared(jobs, recipe)
    jobs = [
        replace(job, problem=f"{job.said} has the same name as another image of this batch: "
                "segment them into two folders.")
        if _paths(job, recipe) & twice else job
        for job in jobs
    ]  # fmt: skip
    _check(jobs, order.target, recipe)
    return jobs


def _once(order: Order) -> Iterator[Job]:
    """All images, each once; a file is looked into only when its turn comes."""
    known: set[tuple[Path, int]] = set()
    for job in chain.from_iterable(_found(place, order) for place in order.places):
        key = job.source.resolve(), job.scene
        if key not in known:
            known.add(key)
            yield job


def _found(place: Path, order: Order) -> Iterator[Job]:
    formats = {*SUFFIXES, *SLIDES, *PACKAGES}
    if place.suffix.lower() in formats and place.exists():
        files, root = [place], place.parent
    elif place.is_dir():
        files = find_images(
            place, order.pattern, deep=order.deep, formats=formats, without=order.target
        )
        root = place
    elif place.exists():
        files, root = [place], place.parent
    else:
        raise FileError(f"There is no file or folder {place}: check how it is written.")
    for file in files:
        yield from _scenes(file, file.relative_to(root))


def _scenes(file: Path, name: Path) -> list[Job]:
    stem, said = _stem(name), printable(name.as_posix())
    one = Job(file, said, stem)
    suffix = file.suffix.lower()
    if suffix not in (*TIFF, *PACKAGES):
        return [one]
    try:
        count = count_images(file) if suffix in TIFF else len(scene_names(file))
    except FileError as error:
        return [replace(one, problem=printable(str(error)))]
    if count <= 1:  # who opens a file without an image will say so
        return [one]
    return [Job(file, f"{said} [{n + 1}]", f"{stem}_{n + 1}", n) for n in range(count)]


def _stem(name: Path) -> str:
    """The path of results; tables and the ledger cannot hold bytes that are no text."""
    stem = name.with_name(name.stem).as_posix()
    return stem if printable(stem) == stem else printable(stem).replace("\\", "_")


def _full_name(job: Job) -> Job:
    at = PurePosixPath(job.stem)
    return replace(job, stem=str(at.with_name(at.name + job.source.suffix)))


def _paths(job: Job, recipe: Recipe) -> set[str]:
    return {os.path.normcase(path) for path in job.results(recipe).values()}


def _shared(jobs: Sequence[Job], recipe: Recipe) -> set[str]:
    """Paths that more than one job would write."""
    counted = Counter(path for job in jobs for path in _paths(job, recipe))
    return {path for path, count in counted.items() if count > 1}


def _check(jobs: Sequence[Job], target: Path, recipe: Recipe) -> None:
    if target.exists() and not target.is_dir():
        raise FileError(f"{target} is a file: name a folder for the results.")
    folder = target.resolve()
    parents = {(folder / path).parent for job in jobs for path in job.results(recipe).values()}
    written = {parent.resolve() for parent in parents}
    for path in {job.source for job in jobs}:
        source, beside = path.resolve(), path.parent.resolve()  # a link lies elsewhere
        if {source.parent, beside} & written or source == folder or source in folder.parents:
            raise FileError(
                f"{path.absolute()} lies where results would be written: choose another folder for "
                "the results, so that no image is overwritten."
            )
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"The folder {target} cannot be made: {reason(error)}.") from error
