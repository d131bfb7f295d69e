"""Timers that fire once, a while after they were last started."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from qtpy.QtCore import QObject, QTimer


def single_shot(owner: QObject, slot: Callable[[], None], after: int = 0) -> QTimer:
    """Make a timer that calls `slot` once, `after` ms (or what `start` is told) after a start."""
    timer = QTimer(owner)
    timer.setSingleShot(True)
    timer.setInterval(after)
    timer.timeout.connect(slot)
    return timer


def stop(timer: QTimer) -> None:
    """Stop a timer; as a window closes, Qt may have deleted it already."""
    with suppress(RuntimeError):
        timer.stop()


def start_once(timer: QTimer) -> None:
    """Start a timer unless it runs; as a window closes, Qt may have deleted it already."""
    with suppress(RuntimeError):
        if not timer.isActive():
            timer.start()


def is_waiting(timer: QTimer) -> bool:
    """Whether a timer is to fire; not where Qt has deleted it already, as a window closes."""
    with suppress(RuntimeError):
        return timer.isActive()
    return False
