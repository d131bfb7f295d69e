"""Keeps an engine process alive for a widget, and hands its events to the window in batches."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence

from qtpy.QtCore import QCoreApplication, QObject, QTimer, Signal

from napari_unet.engine.link import Link
from napari_unet.engine.messages import Command, Ended, Event
from napari_unet.widgets.timers import stop

TICK = 40  # ms between two looks at what the engine said
_BATCH = 48  # events taken in one tick; more wait, and so does the engine
_DEATHS = 3  # this many …
_WITHIN = 60.0  # … in so many seconds are too many

# How to start the engine; None is the real one. Tests put a stand-in here.
engine_command: Sequence[str] | None = None


class Keeper(QObject):
    """One engine process, started again when it dies.

    Signals
    -------
    received : list of Event
        What came in one tick of the window's timer, `Ended` left out.
    died : str
        The process died and a new one runs, which knows nothing yet; what it said last.
    given_up : str
        It died too often and was not started again; what it said last.
    """

    received = Signal(object)
    died = Signal(str)
    given_up = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._link: Link | None = None
        self._deaths: deque[float] = deque(maxlen=_DEATHS)
        self._timer = QTimer(self)
        self._timer.setInterval(TICK)
        self._timer.timeout.connect(self._drain)
        app = QCoreApplication.instance()
        if app is not None:
            app.aboutToQuit.connect(self.close)

    @property
    def running(self) -> bool:
        """Whether an engine is there to talk to."""
        return self._link is not None

    @property
    def process_id(self) -> int | None:
        """The engine's process id, or None when there is none."""
        return None if self._link is None else self._link.process.pid

    def start(self) -> bool:
        """Start the engine; at once, it needs some seconds to be ready. False if it runs."""
        if self._link is not None:
            return False
        self._link = Link(engine_command)
        self._timer.start()
        return True

    def post(self, command: Command) -> None:
        """Send a command; without an engine nothing happens."""
        if self._link is not None:
            self._link.post(command)

    def close(self) -> None:
        """End the engine; it may be started again."""
        stop(self._timer)
        if self._link is not None:
            self._link.close()
            self._link = None

    def _drain(self) -> None:
        link = self._link
        if link is None:
            return
        batch: list[Event] = []
        end: Ended | None = None
        for event in link.events(_BATCH):
            if isinstance(event, Ended):
                end = event
            else:
                batch.append(event)
        if batch:
            self.received.emit(batch)
        if end is not None and link is self._link:
            self._revive(end)

    def _revive(self, end: Ended) -> None:
        self.close()
        said = end.errors or f"It ended with code {end.code} and said nothing."
        now = time.monotonic()
        self._deaths.append(now)
        if len(self._deaths) == _DEATHS and now - self._deaths[0] < _WITHIN:
            self._deaths.clear()
            self.given_up.emit(said)
            return
        self.start()
        self.died.emit(said)
