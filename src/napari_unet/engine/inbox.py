"""Commands that wait for the session. The latest of a kind wins, so nobody can fall behind."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from napari_unet.engine.messages import (
    Annotate,
    Cancel,
    Close,
    Command,
    Look,
    Offer,
    Open,
    Pause,
    PlaneName,
    SegmentImage,
    Train,
)

if TYPE_CHECKING:
    from collections.abc import Hashable


class Inbox:
    """A thread-safe mailbox that keeps the latest command of each kind, in order of arrival."""

    def __init__(self, *commands: Command) -> None:
        self._waiting: dict[Hashable, Command] = {}
        self._changed = threading.Condition()
        self._closed = False
        for command in commands:
            self.post(command)

    def post(self, command: Command) -> None:
        """Add a command; an older one of the same kind (and plane) is dropped.

        A new image takes the place of the one that waits, so that it still comes before the paint
        on it; when a plane closes, all that waits for it is dropped.
        """
        with self._changed:
            if isinstance(command, Close):
                self._drop(command.plane)
            key = _kind(command)
            opens = (Offer, Open)
            if not (isinstance(command, opens) and isinstance(self._waiting.get(key), opens)):
                self._waiting.pop(key, None)
            self._waiting[key] = command
            self._changed.notify()

    def take(self) -> list[Command]:
        """All waiting commands, oldest first; at once, and maybe none."""
        with self._changed:
            commands = list(self._waiting.values())
            self._waiting.clear()
            return commands

    def wait(self, timeout: float | None = None) -> None:
        """Block until a command waits, the inbox is closed, or so many seconds are over."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed, timeout)

    def close(self) -> None:
        """No more commands will come."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    @property
    def closed(self) -> bool:
        """Whether the sender is gone."""
        return self._closed

    def _drop(self, plane: PlaneName) -> None:
        for key, command in list(self._waiting.items()):
            kinds = (Open, Offer, Annotate, Look, SegmentImage)
            if isinstance(command, kinds) and command.plane == plane:
                del self._waiting[key]


def _kind(command: Command) -> Hashable:
    match command:
        case Open() | Offer() | Close():
            return (Open, command.plane)
        case Annotate():
            return (Annotate, command.plane)
        case Train() | Pause():
            return Train
        case Cancel():
            return (Cancel, command.plane)
        case _:
            return type(command)
