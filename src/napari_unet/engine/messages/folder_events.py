"""Events of `SegmentFolder`: what becomes of its files. `run` is the command's number."""

from __future__ import annotations

from typing import TypeAlias

from napari_unet.engine.messages.base import Message


class FolderFound(Message, frozen=True, eq=False):
    """`SegmentFolder` begins: the files that it found."""

    files: tuple[str, ...]
    run: int = 0


class FileAdvanced(Message, frozen=True, eq=False):
    """One file of `SegmentFolder` is worked at: how much of it is done, 0…1."""

    source: str
    share: float
    run: int = 0


class FileSegmented(Message, frozen=True, eq=False):
    """One file of `SegmentFolder` is done; `error` is a sentence where it failed.

    `results` are in the order of the recipe's kinds, `target` is the first of them; `objects` is
    how many were found if they were looked for.
    """

    source: str
    target: str
    done: int
    total: int
    seconds: float
    error: str = ""
    skipped: bool = False
    objects: int | None = None
    results: tuple[str, ...] = ()
    run: int = 0


class FolderSegmented(Message, frozen=True, eq=False):
    """`SegmentFolder` came to its end, was cancelled, or had to stop (`problem` is a sentence)."""

    written: int
    skipped: int
    failed: int
    cancelled: bool
    problem: str = ""
    run: int = 0


FolderEvent: TypeAlias = FolderFound | FileAdvanced | FileSegmented | FolderSegmented
