"""The log of strokes on the disk: entries are only ever added, one durable write at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec.structs import replace

from napari_unet.core.project import disk
from napari_unet.core.project.changes import Change, Entry, decoded
from napari_unet.core.project.errors import DamagedError
from napari_unet.core.project.frames import LARGEST, frame, whole_frames
from napari_unet.core.project.room import Room

MAGIC = b"unetlog1"
_NO_RECORD = (DamagedError, UnicodeError, OverflowError, TypeError)


class StrokeLog:
    """The log of one project.

    Attributes
    ----------
    path : its file.
    end : bytes of it that are whole; what lies behind is a write that failed.
    count : entries in it.
    """

    def __init__(self, path: Path, end: int = 0, count: int = 0) -> None:
        self.path = path
        self.end = end
        self.count = count

    def append(self, entries: Sequence[Entry]) -> tuple[str, ...]:
        """Add entries; when this returns they are on the disk. May be repeated if it fails.

        Returns
        -------
        tuple of str
            What is wrong with changes that were left out, as no reader would take them or
            anything behind them; empty if all were written.

        Raises
        ------
        OSError
        """
        new = not self.end
        wrong, bodies = [], []
        for entry in entries:
            usable, left_out = _readable(entry)
            wrong += left_out
            bodies += _bodies(usable)
        data = (MAGIC if new else b"") + b"".join(map(frame, bodies))
        with self.path.open("r+b" if self.path.exists() else "xb") as file:
            if file.seek(0, 2) < self.end:
                raise OSError(None, "its log of strokes was changed by another program")
            file.seek(self.end)
            file.truncate()
            file.write(data)
            disk.sync(file)
        if new:
            disk.sync_folder(self.path.parent)
        self.end += len(data)
        self.count += len(bodies)
        return tuple(wrong)


def _readable(entry: Entry) -> tuple[Entry, list[str]]:
    """An entry as a reader will take it; what is wrong with the changes that had to be left out."""
    if not (wrong := _faults(entry)):
        return entry, []
    kept: list[Change] = []
    wrong = []
    for change in entry.changes:
        found = _faults(replace(entry, changes=(change,)))
        wrong += found
        kept += [] if found else [change]
    return replace(entry, changes=tuple(kept)), wrong


def _faults(entry: Entry) -> list[str]:
    try:
        decoded(entry.encoded())
    except _NO_RECORD as error:
        return [str(error)]
    return []


def _bodies(entry: Entry) -> list[bytes]:
    """An entry's records: one, unless that would be too long."""
    body, half = entry.encoded(), len(entry.changes) // 2
    if len(body) <= LARGEST or not half:
        return [body]
    how = "more" if entry.how in ("do", "more") else "base"  # what undoes is taken once
    first, rest = entry.changes[:half], entry.changes[half:]
    return _bodies(replace(entry, changes=first)) + _bodies(replace(entry, changes=rest, how=how))


def read(path: Path, accept: Callable[[Entry], None]) -> tuple[StrokeLog, int]:
    """Hand each whole entry on, up to the first that is damaged or not accepted.

    Parameters
    ----------
    path : Path
    accept : callable
        Takes an entry; raises DamagedError if it does not fit what was before it.

    Returns
    -------
    log : StrokeLog
        Ready to be added to after the last accepted entry.
    rest : int
        Bytes behind that.

    Raises
    ------
    ProjectError
        If its paint takes more memory than there is.
    OSError
    """
    log, room = StrokeLog(path), Room()
    if not path.exists():
        return log, 0
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        if file.read(len(MAGIC)) != MAGIC:
            return log, size
        log.end = len(MAGIC)
        for body, after in whole_frames(file):
            try:
                entry = decoded(body)
                room.follow(entry)
                accept(entry)
            except DamagedError:
                break
            log.end = after
            log.count += 1
    return log, size - log.end
