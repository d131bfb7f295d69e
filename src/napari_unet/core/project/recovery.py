"""Opens a project's folder, and gets back all that can be read of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from napari_unet.core.annotations import Annotations
from napari_unet.core.project import disk, log, manifest, manifest_file, snapshot, sources
from napari_unet.core.project.canvas import Work, bridge
from napari_unet.core.project.changes import Entry, Plane
from napari_unet.core.project.errors import DamagedError, ProjectError
from napari_unet.core.project.folder import (
    HELD,
    LOG,
    MANIFEST,
    SNAPSHOT,
    ProjectFolder,
    locked,
)
from napari_unet.core.project.looking import check_project, find_manifest
from napari_unet.core.project.manifest import Manifest
from napari_unet.core.project.record import Record

_SHORT = (
    "The log of strokes was shorter than it should be; the paint was taken from the last snapshot."
)
_DEALT_ANEW = (
    "Which strokes were held out could not be read; others are chosen, so the score may differ."
)


@dataclass(frozen=True)
class Opened:
    """A project as it was left.

    Attributes
    ----------
    told : sentences on what was damaged and what could be recovered; empty if all was well.
    held : which strokes are held out, as paint of classes.
    """

    folder: ProjectFolder
    manifest: Manifest
    record: Record
    told: tuple[str, ...]
    held: dict[Plane, Annotations]


def open_project(path: Path) -> Opened:
    """Open a project; damaged parts are set aside in its folder, never deleted.

    Raises
    ------
    ProjectError
        If it is no project, is open elsewhere, is of a newer version, or cannot be written.
    """
    check_project(path)
    try:
        lock = locked(path)
    except OSError as error:
        raise ProjectError(_unwritable(path, error)) from error
    try:
        content, told = _read_manifest(path)
        folder, record, more = _read_strokes(path, lock)
        held, doubt = _read_held(path / HELD)
    except OSError as error:
        lock.release()
        raise ProjectError(_unwritable(path, error)) from error
    except BaseException:
        lock.release()
        raise
    home = path.resolve()
    content = manifest.linked(content, lambda name: sources.unlinked(name, home))
    return Opened(folder, content, record, (*told, *more, *doubt), held)


def _unwritable(path: Path, error: OSError) -> str:
    return (
        f"The project {path} cannot be opened: {error.strerror or error}. It must be writable, "
        "because every stroke is saved in it: copy it to another place."
    )


def _read_manifest(path: Path) -> tuple[Manifest, tuple[str, ...]]:
    """The manifest, mended from its second copy where it is damaged."""
    content, told, damage = find_manifest(path)
    if damage:
        if (path / MANIFEST).is_file():
            disk.set_aside(path / MANIFEST)
        disk.write(path / MANIFEST, manifest_file.encode(content))
        told = (*told, f"{MANIFEST} was damaged ({damage}); its second copy was used.")
    return content, told


def _read_strokes(path: Path, lock: FileLock) -> tuple[ProjectFolder, Record, tuple[str, ...]]:
    """Follow the log as far as it is whole; go on from the snapshot where that is newer."""
    record = Record()
    strokes, rest = log.read(path / LOG, record.follow)
    folder = ProjectFolder(path, strokes, lock)
    newer, missing = _newer_snapshot(path / SNAPSHOT, strokes.count, record.work)
    told: tuple[str, ...] = ()
    if rest:
        kept = disk.set_aside(path / LOG, strokes.end)
        disk.cut(path / LOG, strokes.end)
        told = (_said(strokes.count, rest, kept.relative_to(path), snapshot=newer),)
    if newer:
        if missing is not None:
            record.follow(missing)
            folder.append([missing])
            told = told or (_SHORT,)
        # it counts entries that are no longer there
        disk.move_aside(path / SNAPSHOT)
    return folder, record, told


def _read_held(path: Path) -> tuple[dict[Plane, Annotations], tuple[str, ...]]:
    """The strokes that are held out, and a sentence where that could not be read."""
    if not path.is_file():
        return {}, ()
    try:
        return snapshot.read(path).work.planes, ()
    except DamagedError:
        disk.move_aside(path)
        return {}, (_DEALT_ANEW,)


def _newer_snapshot(path: Path, entries: int, work: Work) -> tuple[bool, Entry | None]:
    """Whether the snapshot knows more than so many entries, which led to `work`; what is missing.

    A snapshot that does not fit to them is a damaged one.
    """
    if not path.is_file():
        return False, None
    try:
        saved = snapshot.read(path)
        if saved.entries <= entries:
            return False, None
        return True, bridge(work, saved.work, time.time())
    except DamagedError:
        disk.move_aside(path)
        return False, None


def _said(entries: int, rest: int, kept: Path, *, snapshot: bool) -> str:
    changes = "1 change" if entries == 1 else f"{entries:,} changes"
    more = " Later paint was taken from the last snapshot." if snapshot else ""
    return (
        f"The log of strokes was damaged or cut short: {changes} of paint could be recovered."
        f"{more} The unreadable rest ({rest:,} bytes) is kept as {kept.as_posix()}."
    )
