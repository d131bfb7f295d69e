"""Reads and writes for the window on another thread, so that a slow disk never blocks painting."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QObject, Signal

Then = Callable[[Any], None]  # takes what a job returned, or the exception that ended it


class Background(QObject):
    """Jobs one after the other; there is a thread only while there are some."""

    _done = Signal(object, object)

    def __init__(self) -> None:
        super().__init__()
        self._jobs: deque[tuple[Callable[[], Any], Then]] = deque()
        self._lock = threading.Lock()
        self._busy = False
        self._done.connect(self._on_done)

    def do(self, job: Callable[[], Any], then: Then) -> None:
        """Do a job, then call `then` in the window's own thread."""
        with self._lock:
            self._jobs.append((job, then))
            if self._busy:
                return
            self._busy = True
        threading.Thread(target=self._work, name="pixels", daemon=True).start()

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._jobs:
                    self._busy = False
                    return
                job, then = self._jobs.popleft()
            outcome: Any
            try:
                outcome = job()
            except Exception as error:  # noqa: BLE001 - `then` tells of it
                outcome = error
            try:
                self._done.emit(then, outcome)
            except RuntimeError:  # the window is gone
                return

    def _on_done(self, then: Then, outcome: Any) -> None:  # noqa: ANN401
        then(outcome)
