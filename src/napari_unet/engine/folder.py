"""Segment many files into label files: one event a file, and one broken file stops nothing.

The session runs the generator between commands, the command line with a `for` loop.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from napari_unet.core.files import FileError, read_description, read_image, write_labels
from napari_unet.core.finding import gather
from napari_unet.core.image import ImageError
from napari_unet.engine.messages import FileSegmented, FolderSegmented


class Segmenter(Protocol):
    """What a model must be able to do here."""

    def segment(self, array: NDArray[Any], /) -> NDArray[Any]:
        """Turn an image, (Y, X) or (Y, X, 3 or 4), into (Y, X) uint8 classes 1…K."""
        ...

    def to_bytes(self) -> bytes:
        """The model as the bytes of its file."""
        ...


def segment_folder(
    model: Segmenter,
    source: Path | Sequence[Path],
    target: Path,
    *,
    pattern: str = "*",
    again: bool = False,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[FileSegmented | FolderSegmented]:
    """Segment image files into label files of the same stem (uint8 TIFF) in another folder.

    A file is skipped if its label file is newer and comes from the same model, so a batch that
    was broken off goes on where it was. A label file that this program did not write is left
    alone.

    Parameters
    ----------
    model : Segmenter
    source : Path or sequence of Path
        A folder, a file, or several of both.
    target : Path
        The folder of the label files; made where needed.
    pattern : str
        What names of files in folders must match, with `*` and `?`.
    again : bool
        Segment what is done once more, and replace label files that others wrote.
    stopped : callable
        Asked before each file; True ends the batch.

    Yields
    ------
    FileSegmented
        For each file, in natural order; `error` holds a sentence where it failed.
    FolderSegmented
        At the end.

    Raises
    ------
    FileError
        At once, if there is nothing to do or the target cannot be used.
    """
    files = gather([source] if isinstance(source, Path) else source, pattern)
    _check_target(files, target)
    return _run(model, files, target, again, stopped)


def _check_target(files: Sequence[Path], target: Path) -> None:
    if target.exists() and not target.is_dir():
        raise FileError(f"{target} is a file: name a folder for the label files.")
    if any(file.resolve().parent == target.resolve() for file in files):
        raise FileError(
            f"The images lie in {target} themselves: choose another folder for the label files, "
            "so that no image is overwritten."
        )
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"The folder {target} cannot be made: {error.strerror}.") from error


def _run(
    model: Segmenter,
    files: Sequence[Path],
    target: Path,
    again: bool,  # noqa: FBT001 - private
    stopped: Callable[[], bool],
) -> Iterator[FileSegmented | FolderSegmented]:
    mark = _mark(model)
    taken: dict[str, Path] = {}
    written = skipped = failed = 0
    for done, file in enumerate(files, start=1):
        if stopped():
            yield FolderSegmented(written, skipped, failed, cancelled=True)
            return
        began = time.perf_counter()
        out = target / f"{file.stem}.tif"
        first = taken.setdefault(os.path.normcase(out), file)
        error, skip = "", False
        if first is not file:
            error = (
                f"{file} would overwrite the labels of {first}, which has the same name up to "
                "its ending: rename one, or segment them into two folders."
            )
        else:
            skip = not again and _is_done(file, out, mark)
            if not skip:
                error = _segment(model, file, out, mark, again=again)
        skipped += skip
        failed += bool(error)
        written += not (skip or error)
        seconds = time.perf_counter() - began
        yield FileSegmented(str(file), str(out), done, len(files), seconds, error, skip)
    yield FolderSegmented(written, skipped, failed, cancelled=False)


def _segment(model: Segmenter, file: Path, out: Path, mark: str, *, again: bool) -> str:
    """Segment one file; what goes wrong comes back as a sentence."""
    try:
        if out.exists() and not again and not _is_ours(read_description(out)):
            raise FileError(
                f"{out} is there already and was not written by this program: "
                "choose another folder, or ask to overwrite."
            )
        image = read_image(file)
        try:
            write_labels(out, model.segment(image), description=mark)
        except ImageError as error:
            raise FileError(f"{file}: {error}") from error
        except MemoryError as error:
            raise FileError(f"{file} is too large for this computer's memory.") from error
    except FileError as error:
        return str(error)
    return ""


def _mark(model: Segmenter) -> str:
    """What a label file says of its origin, so that another model's labels are not kept."""
    digest = hashlib.sha256(model.to_bytes()).hexdigest()[:32]
    return json.dumps({"program": "napari-unet", "model": digest})


def _is_ours(description: str) -> bool:
    return description.startswith('{"program": "napari-unet"')


def _is_done(file: Path, out: Path, mark: str) -> bool:
    try:
        newer = out.stat().st_mtime >= file.stat().st_mtime
    except FileNotFoundError:
        return False
    return newer and read_description(out) == mark
