"""The log of strokes on the disk: entries are only ever added, one durable write at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from napari_unet.core.project import disk
from napari_unet.core.project.changes import Entry, decoded
from napari_unet.core.project.errors import DamagedError
from napari_unet.core.project.frames import frame, whole_frames

MAGIC = b"unetlog1"


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

    def append(self, entries: Sequence[Entry]) -> None:
        """Add entries; when this returns they are on the disk. May be repeated if it fails.

        Raises
        ------
        OSError
        """
        new = not self.end
        data = (MAGIC if new else b"") + b"".join(frame(entry.encoded()) for entry in entries)
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
        self.count += len(entries)


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
    OSError
    """
    log = StrokeLog(path)
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
                accept(decoded(body))
            except DamagedError:
                break
            log.end = after
            log.count += 1
    return log, size - log.end
