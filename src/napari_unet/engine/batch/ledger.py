"""What is done, and what the files looked like then: a journal in the folder of the results.

One line of JSON for each result. A line is on the disk before the result has its name, so after
a crash every result in the folder is known; a line that was cut short is ignored.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec import Struct

from napari_unet.core.files import FileError, reason, replacing
from napari_unet.core.finding import RESULTS
from napari_unet.engine.batch.locking import lock

_JOURNAL, _LOCK = "done.jsonl", "lock"
_BLOCK = 1 << 20


class Stamp(Struct, frozen=True):
    """Size in bytes and time of the last change of a file, or of a folder's newest file."""

    size: int
    changed: int

    @classmethod
    def of(cls, path: Path) -> Stamp:
        """Look at a file or folder. Raises `OSError`."""
        found = [file.stat() for file in _files(path)]
        return cls(sum(s.st_size for s in found), max((s.st_mtime_ns for s in found), default=0))


class Entry(Struct, frozen=True):
    """One result.

    Attributes
    ----------
    result : path in the folder of the results
    recipe : digest of the model and of what was asked for
    source, source_digest : what the image file looked like
    stamp, digest : what the result looked like when it was written
    before : digest of our own older result that it replaced
    objects : number of objects, where they were looked for
    """

    result: str
    recipe: str
    source: Stamp
    source_digest: str
    stamp: Stamp
    digest: str
    before: str = ""
    objects: int | None = None


class Ledger:
    """The journal of one folder of results.

    Parameters
    ----------
    target : Path
        The folder, which is there.

    Raises
    ------
    FileError
        If another batch writes to the folder, or it cannot be written to.
    """

    def __init__(self, target: Path) -> None:
        self._target, self._path = target, target / RESULTS / _JOURNAL
        try:
            self._path.parent.mkdir(exist_ok=True)
            self._lock = lock(self._path.with_name(_LOCK))
        except OSError as error:
            raise FileError(f"{target} cannot be written to: {reason(error)}.") from error
        if self._lock is None:
            raise FileError(
                f"Another batch is writing to {target}: wait for it, or choose another folder."
            )
        self._entries: dict[str, Entry] = {}
        lines = self._path.read_bytes().splitlines(keepends=True) if self._path.exists() else []
        for line in lines:
            try:
                entry = msgspec.json.decode(line, type=Entry)
            except msgspec.MsgspecError:
                continue  # cut short by a crash: its result did not get its name
            self._entries[entry.result] = entry
        if len(lines) != len(self._entries) or (lines and not lines[-1].endswith(b"\n")):
            self._compact()

    def __getitem__(self, result: str) -> Entry:
        return self._entries[result]

    @property
    def results(self) -> list[str]:
        """All results that were ever written."""
        return list(self._entries)

    def up_to_date(self, results: Iterable[str], source: Path, recipe: str) -> bool:
        """Whether all results are there, of this recipe and of the file as it is now."""
        entries = [self._entries.get(result) for result in results]
        return all(
            entry is not None
            and entry.recipe == recipe
            and _same(source, entry.source, entry.source_digest)
            and self._there(entry)
            for entry in entries
        )

    def owned(self, result: str) -> str | None:
        """The digest of a result that may be replaced: empty where there is none.

        None says that what is there was not written here, or was changed since.
        """
        path = self._target / result
        if not path.exists():
            return ""
        entry = self._entries.get(result)
        if entry is None:
            return None
        found = entry.digest if Stamp.of(path) == entry.stamp else digest(path)
        return found if found in {entry.digest, entry.before} else None

    def add(self, entries: Iterable[Entry]) -> None:
        """Note results, before they get their names. Raises `FileError`."""
        entries = list(entries)
        try:
            with self._path.open("ab") as file:
                file.write(_lines(entries))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise FileError(f"{self._path} cannot be written: {reason(error)}.") from error
        self._entries |= {entry.result: entry for entry in entries}

    def close(self) -> None:
        """Let others write to the folder."""
        if self._lock is not None:
            self._lock.close()

    def _there(self, entry: Entry) -> bool:
        """Whether a result is there, maybe corrected by hand, and is not the one before it."""
        path = self._target / entry.result
        if not path.exists():
            return False
        return Stamp.of(path) == entry.stamp or digest(path) != entry.before

    def _compact(self) -> None:
        with replacing(self._path) as part:
            part.write_bytes(_lines(self._entries.values()))


def digest(path: Path) -> str:
    """A digest of a file, or of a folder's files and their names. Raises `OSError`."""
    total = hashlib.sha256()
    for file in _files(path):
        if file != path:
            total.update(file.relative_to(path).as_posix().encode() + b"\0")
        with file.open("rb") as handle:
            while block := handle.read(_BLOCK):
                total.update(block)
    return total.hexdigest()[:32]


def _lines(entries: Iterable[Entry]) -> bytes:
    return b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries)


def _same(path: Path, stamp: Stamp, said: str) -> bool:
    now = Stamp.of(path)
    return now == stamp or (now.size == stamp.size and digest(path) == said)


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.is_file())
    return [path]
