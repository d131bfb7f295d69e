"""Keeps an engine process alive for a widget, and hands its events to the window in batches."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence

from qtpy.QtCore import QCoreApplication, QObject, QTimer, Signal

from napari_unet.engine.host import Host
from napari_unet.engine.link import Link
from napari_unet.engine.messages import Command, Ended, Event
from napari_unet.widgets.timers import is_waiting, single_shot, stop

TICK = 40  # ms between two looks at what the engine said
_BATCH = 48  # events taken in one tick; more wait, and so does the engine
_DEATHS = 3  # this many …
_WITHIN = 60.0  # … in so many seconds are too many
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0  # seconds before a lost machine is tried again
_NO_SSH = "There is no ssh on this machine: install OpenSSH's client (openssh-client)."

# How to start the engine; None is the real one. Tests put a stand-in here.
engine_command: Sequence[str] | None = None


class Keeper(QObject):
    """One engine process, started again when it dies.

    Attributes
    ----------
    host : Host or None
        The machine that it runs on; None is this one.

    Signals
    -------
    received : list of Event
        What came in one tick of the window's timer, `Ended` left out.
    died : str
        The process died and a new one runs, which knows nothing yet; what it said last.
    given_up : str
        It died too often and was not started again; what it said last.
    parted : str, bool
        The other machine is out of reach: why, as a sentence, and whether it is tried again.
    returned : the other machine is in reach again; the engine there knows nothing yet.
    """

    received = Signal(object)
    died = Signal(str)
    given_up = Signal(str)
    parted = Signal(str, bool)
    returned = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.host: Host | None = None
        self._link: Link | None = None
        self._known = False  # whether the host was in reach once
        self._tries, self._since = 0, 0.0  # in vain, and when the last one began
        self._returning = False
        self._again = single_shot(self, self._try_again)
        self._deaths: deque[float] = deque(maxlen=_DEATHS)
        self._timer = QTimer(self)
        self._timer.setInterval(TICK)
        self._timer.timeout.connect(self._drain)
        app = QCoreApplication.instance()
        if app is not None:
            app.aboutToQuit.connect(self.close)

    @property
    def running(self) -> bool:
        """Whether an engine is there to talk to, or about to be."""
        return self._link is not None or is_waiting(self._again)

    @property
    def process_id(self) -> int | None:
        """The engine's process id, or None when there is none."""
        return None if self._link is None else self._link.process.pid

    def start(self) -> bool:
        """Start the engine; at once, it needs some seconds to be ready. False if it runs."""
        if self._link is not None:
            return False
        self._again.stop()
        self._returning, self._since = False, time.monotonic()
        try:
            self._link = Link(engine_command, self.host)
        except OSError:
            if self.host is None:
                raise
            self.parted.emit(_NO_SSH, False)  # noqa: FBT003 - a signal's
            return False
        self._timer.start()
        return True

    def move(self, host: Host | None) -> None:
        """End the engine; the next one is started on that machine."""
        self.close()
        self._deaths.clear()
        self._known &= host == self.host  # who presses Connect does not end the trying
        self.host, self._tries = host, 0

    def post(self, command: Command) -> None:
        """Send a command; without an engine nothing happens."""
        if self._link is not None:
            self._link.post(command)

    def close(self) -> None:
        """End the engine; it may be started again."""
        stop(self._timer)
        stop(self._again)
        if self._link is not None:
            self._link.close()
            self._link = None

    def _drain(self) -> None:
        link = self._link
        if link is None:
            return
        if self._returning and link.met:
            self._returning = False
            self.returned.emit()
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
            self._known |= link.met
            if end.sentence:
                self._part(end, met=link.met)
            else:
                self._revive(end)

    def _part(self, end: Ended, *, met: bool) -> None:
        """The other machine is out of reach; try again where it was in reach before."""
        self.close()
        if met and time.monotonic() - self._since > _WITHIN:
            self._tries = 0
        again = end.passing and self._known
        if again:
            pause = min(_FIRST_PAUSE * 2**self._tries, _LONGEST_PAUSE)
            self._tries += 1
            self._again.start(round(1000 * pause))
        self.parted.emit(end.sentence, again)

    def _try_again(self) -> None:
        self._returning = self.start()

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
