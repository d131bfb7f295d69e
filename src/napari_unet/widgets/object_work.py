"""Runs one long computation at a time on a thread of its own, and tells of it in the window."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, TypeAlias

from qtpy.QtCore import QObject, QTimer, Signal

Progress: TypeAlias = Callable[[int, int], None]
Job: TypeAlias = Callable[[Progress], Any]

_GLANCE = 30  # ms between two looks for news
_LOW = 10  # how far the thread steps back behind the window


class _Stopped(Exception):
    """Nobody wants the result any more."""


class _Run:
    """One run of a job: whether it is still wanted, and what it has said."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.wanted = True
        self.said: SimpleQueue[tuple[str, Any]] = SimpleQueue()

    def work(self) -> None:
        """Do it; this is in the thread."""
        if sys.platform == "linux":
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOW)
        try:
            self.said.put(("done", self.job(self._progress)))
        except _Stopped:
            pass
        except Exception as error:  # noqa: BLE001 - goes to the window, which reports it
            self.said.put(("failed", error))

    def _progress(self, done: int, total: int) -> None:
        if not self.wanted:
            raise _Stopped
        self.said.put(("progressed", (done, total)))


class ObjectWork(QObject):
    """At most one job.

    Signals
    -------
    progressed : int, int
        Done and all.
    done : object
        What the job returned.
    failed : Exception
    """

    progressed = Signal(int, int)
    done = Signal(object)
    failed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._runs: list[_Run] = []  # the one that goes on, if any
        self._timer = QTimer(self)
        self._timer.setInterval(_GLANCE)
        self._timer.timeout.connect(self._listen)
        self.destroyed.connect(partial(_forget, self._runs))

    @property
    def running(self) -> bool:
        """Whether a job goes on."""
        return bool(self._runs)

    def start(self, job: Job) -> None:
        """Begin a job; the last one is no longer wanted."""
        self.stop()
        run = _Run(job)
        self._runs.append(run)
        threading.Thread(target=run.work, name="objects", daemon=True).start()
        self._timer.start()

    def stop(self) -> None:
        """Want no result any more; the thread ends at its next step."""
        _forget(self._runs)
        self._timer.stop()

    def _listen(self) -> None:
        while self._runs:
            try:
                kind, what = self._runs[0].said.get_nowait()
            except Empty:
                return
            if kind == "progressed":
                self.progressed.emit(*what)
                continue
            self.stop()
            (self.done if kind == "done" else self.failed).emit(what)
            return


def _forget(runs: list[_Run]) -> None:
    for run in runs:
        run.wanted = False
    runs.clear()
