"""Undo and redo over the whole project, from the log alone."""

from __future__ import annotations

import msgspec

from napari_unet.core.project.changes import Change, Entry


class History:
    """What was done and what was taken back, in order.

    Entries must be taken in the order of the log; the next step back or forward is then exact,
    because nothing can have happened since that is not in it.
    """

    def __init__(self) -> None:
        self.done: list[Entry] = []
        self.undone: list[Entry] = []

    def take(self, entry: Entry) -> None:
        """An entry was added to the log."""
        match entry.how:
            case "base":
                pass
            case "undo" if self.done:
                self.undone.append(self.done.pop())
            case "redo" if self.undone:
                self.done.append(self.undone.pop())
            case "more" if self.done and not self.undone:
                self.done[-1] = Entry(entry.time, self.done[-1].changes + entry.changes)
            case _:
                self.done.append(msgspec.structs.replace(entry, how="do"))
                self.undone.clear()

    def undo(self, time: float) -> Entry | None:
        """The entry that takes the last one back; None if there is none. It is yet to be taken."""
        return Entry(time, inverse(self.done[-1].changes), "undo") if self.done else None

    def redo(self, time: float) -> Entry | None:
        """The entry that does again what was last taken back; None if there is none."""
        return Entry(time, self.undone[-1].changes, "redo") if self.undone else None

    def recognised(self, entry: Entry) -> Entry:
        """The entry, as undo or redo if that is what it is.

        The viewer has an undo of its own. Where that did exactly what ours would have done, the
        history goes the same way.
        """
        if entry.how != "do":
            return entry
        if self.done and _same(entry.changes, inverse(self.done[-1].changes)):
            return msgspec.structs.replace(entry, how="undo")
        if self.undone and _same(entry.changes, self.undone[-1].changes):
            return msgspec.structs.replace(entry, how="redo")
        return entry


def inverse(changes: tuple[Change, ...]) -> tuple[Change, ...]:
    """What takes changes back, the last one first."""
    return tuple(change.inverted() for change in reversed(changes))


def _same(one: tuple[Change, ...], other: tuple[Change, ...]) -> bool:
    return len(one) == len(other) and all(change in other for change in one)
