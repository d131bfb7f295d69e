"""A project in work: its paint, its classes and its history, which only go on together."""

from __future__ import annotations

from typing import Literal, TypeAlias

from napari_unet.core.annotations import Annotations
from napari_unet.core.project.canvas import Work
from napari_unet.core.project.changes import Change, Classes, Entry, LabelClass, Plane, difference
from napari_unet.core.project.history import History

Seen: TypeAlias = Literal["do", "more", "base"]


class Record:
    """What was painted so far, and how it came about.

    What the user does is seen first (`painted`, `reclassed`) and then taken as one entry.
    What the log says is followed.
    """

    def __init__(self) -> None:
        self.work = Work()
        self.history = History()

    def painted(self, plane: Plane, after: Annotations) -> tuple[Change, ...]:
        """A plane holds this paint now: what changed."""
        before = self.work.paint(plane)
        changes = difference(plane, before, after)
        self.work.put(plane, after)
        return changes

    def reclassed(self, after: tuple[LabelClass, ...]) -> tuple[Change, ...]:
        """These are the classes now: what changed."""
        before, self.work.classes = self.work.classes, after
        return () if before == after else (Classes(before, after),)

    def taken(
        self, changes: tuple[Change, ...], time: float, how: Seen = "do", *, step: bool = True
    ) -> Entry:
        """The entry for changes that were seen; `step`: they may be the viewer's own undo."""
        entry = Entry(time, changes, how)
        if step:
            entry = self.history.recognised(entry)
        self.history.take(entry)
        return entry

    def follow(self, entry: Entry) -> None:
        """Do what an entry says.

        Raises
        ------
        DamagedError
            If it does not fit; nothing is changed then.
        """
        self.work.apply(entry)
        self.history.take(entry)
