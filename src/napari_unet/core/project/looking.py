"""Looks into a project's folder without opening it: nothing is locked, mended or written.

So it may be open in a window meanwhile: files are replaced whole there, and the log only grows.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from napari_unet.core.project import log, manifest, manifest_file, snapshot, sources
from napari_unet.core.project.canvas import Work, bridge
from napari_unet.core.project.errors import DamagedError, ProjectError
from napari_unet.core.project.folder import BACKUP, LOG, MANIFEST, SNAPSHOT
from napari_unet.core.project.manifest import Manifest
from napari_unet.core.project.record import Record


@dataclass(frozen=True)
class Seen:
    """A project as it is on the disk now.

    Attributes
    ----------
    manifest : with absolute paths of images.
    work : paint and classes.
    told : sentences on what could not be read; empty if all was well.
    """

    path: Path
    manifest: Manifest
    work: Work
    told: tuple[str, ...]


def look_into(path: Path) -> Seen:
    """Read a project as far as it is whole.

    Raises
    ------
    ProjectError
        If it is no project, is of a newer version, or cannot be read.
    """
    check_project(path)
    try:
        content, told, damage = find_manifest(path)
        work, more = _work(path)
    except OSError as error:
        raise ProjectError(
            f"The project {path} cannot be read: {error.strerror or error}."
        ) from error
    if damage:
        told = (*told, f"{MANIFEST} is damaged ({damage}); its second copy was read.")
    home = path.resolve()
    content = manifest.linked(content, lambda name: sources.unlinked(name, home))
    return Seen(path, content, work, (*told, *more))


def check_project(path: Path) -> None:
    """Refuse a folder that is no project.

    Raises
    ------
    ProjectError
    """
    if not (path / MANIFEST).is_file() and not (path / BACKUP).is_file():
        raise ProjectError(
            f"{path} is not a project: choose a folder with a file {MANIFEST} in it."
        )


def find_manifest(path: Path) -> tuple[Manifest, tuple[str, ...], str]:
    """The manifest, or its second copy where that is damaged.

    Returns
    -------
    manifest : Manifest
    told : sentences on what of it could not be used
    damage : str
        What is wrong with the first one; empty if that was used.

    Raises
    ------
    ProjectError
        If both are damaged, or of a newer version.
    OSError
    """
    damage = ""
    for name in (MANIFEST, BACKUP):
        file = path / name
        if not file.is_file():
            damage = damage or f"{name} is missing"
            continue
        try:
            content, told = manifest_file.decode(file.read_bytes())
        except DamagedError as error:
            damage = damage or str(error)
            continue
        return content, told, damage
    raise ProjectError(
        f"The project {path} cannot be opened: its {MANIFEST} and the second copy are damaged "
        f"({damage}). The strokes in {LOG} are untouched."
    )


def _work(path: Path) -> tuple[Work, tuple[str, ...]]:
    """Paint and classes by the log, or by the snapshot where that knows more."""
    record = Record()
    strokes, rest = log.read(path / LOG, record.follow)
    told: tuple[str, ...] = ()
    if rest:  # or a stroke that is being written this moment
        sentence = (
            f"The last {rest:,} bytes of the log of strokes cannot be read and were left out. If "
            "no window has the project open, open it in napari: that mends it."
        )
        told = (sentence,)
    try:
        saved = snapshot.read(path / SNAPSHOT) if (path / SNAPSHOT).is_file() else None
        if saved is not None and saved.entries > strokes.count:
            bridge(record.work, saved.work, 0.0)  # one that does not fit is damaged
            return saved.work, told
    except DamagedError:  # it knows nothing that a whole log does not
        pass
    return record.work, told
