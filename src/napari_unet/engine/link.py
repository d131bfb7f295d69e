"""The parent's end: starts the engine's process, talks to it, and tells how it ended.

The process runs here, or on another machine through `ssh`; then nothing is sent before it has
greeted, arrays are packed, and a word every few seconds says that the parent is there.
"""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import tempfile
import threading
import traceback
from typing import TYPE_CHECKING, BinaryIO, cast

from napari_unet.engine import codec
from napari_unet.engine.host import Host, HostError, meet
from napari_unet.engine.inbox import Inbox
from napari_unet.engine.messages import Command, Ended, Event, Failed
from napari_unet.engine.parting import Parting, why
from napari_unet.engine.vigil import BEAT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_WAITING = 64  # events that may wait for the window before the engine must wait too
_PATIENCE = 2.5  # seconds until a process that was asked to end is killed
_MEETING = 60.0  # seconds until an engine elsewhere must have greeted
_LAST_WORDS = 8000  # bytes of the child's error output that are kept
_QUIET = getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0) | getattr(
    subprocess, "CREATE_NO_WINDOW", 0
)  # Windows: low priority, no console window


class Link:
    """A running engine process; nothing here blocks the caller.

    Parameters
    ----------
    command : sequence of str, optional
        How to start the engine; by default this Python runs `napari_unet.engine`.
    host : Host, optional
        The machine on which to start it instead.

    Attributes
    ----------
    process : subprocess.Popen
        The engine, or the `ssh` that leads to it.
    met : bool
        Whether it is there: this machine's own, or one elsewhere that has greeted.

    Raises
    ------
    OSError
        If there is no such command.
    """

    def __init__(self, command: Sequence[str] | None = None, host: Host | None = None) -> None:
        self._host, self._late = host, False
        self.met = host is None
        self._events: queue.Queue[Event] = queue.Queue(_WAITING)
        self._outbox = Inbox()  # a slow line must not fall behind either
        self._may_send = threading.Event()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - `_receive` closes it
        self._closing = threading.Event()
        # -P: files that happen to lie in the user's folder must not be imported
        here = command or [sys.executable, "-P", "-m", "napari_unet.engine"]
        try:
            self.process = subprocess.Popen(  # noqa: S603 - our own interpreter, or the user's ssh
                here if host is None else host.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env=_environment(os.environ),
                creationflags=_QUIET,
                # away from the terminal: nobody would see what `ssh` asks there
                start_new_session=host is not None,
            )
        except OSError:
            self._errors.close()
            raise
        self._sender = threading.Thread(target=self._send, daemon=True)
        self._sender.start()
        threading.Thread(target=self._receive, daemon=True).start()

    def post(self, command: Command) -> None:
        """Send a command, at once, whatever the engine is doing; dropped when it has ended."""
        if self._sender.is_alive():
            self._outbox.post(command)

    def events(self, most: int = 1000) -> Iterator[Event]:
        """Yield what has arrived, at most so many; the last event of a process is `Ended`."""
        for _ in range(most):
            try:
                yield self._events.get_nowait()
            except queue.Empty:
                return

    def wait(self, timeout: float | None = None) -> Event:
        """The next event, waiting for it (for scripts and tests, not for a window).

        Raises
        ------
        TimeoutError
            If none came within `timeout` seconds.
        """
        try:
            return self._events.get(timeout=timeout)
        except queue.Empty:
            raise TimeoutError(f"the engine said nothing for {timeout} s") from None

    def close(self) -> None:
        """Ask the engine to end and let it; it is killed when it takes too long."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._hang_up()
        threading.Thread(target=self._reap, daemon=True).start()

    def _reap(self) -> int:
        """Wait for the process to end, kill it when that takes too long; its exit code."""
        try:
            return self.process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def _hang_up(self) -> None:
        """Have the sender close the engine's stdin."""
        self._outbox.close()
        self._may_send.set()

    def _send(self) -> None:
        stream, remote = cast("BinaryIO", self.process.stdin), self._host is not None
        # an OSError: the process is gone; `_receive` tells how
        with contextlib.suppress(OSError), stream:
            self._may_send.wait()
            while not self._outbox.closed:
                commands = self._outbox.take()
                for command in commands:
                    self._send_one(stream, command)
                if remote and not commands:
                    codec.beat(stream)
                self._outbox.wait(BEAT if remote else None)

    def _send_one(self, stream: BinaryIO, command: Command) -> None:
        """Send a command; of one that cannot be written the user hears, others go on."""
        try:
            codec.write(stream, command, packed=self._host is not None)
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001 - nothing of it was sent yet
            sentence = f"The engine could not be told something: {error}. Your strokes are safe."
            self._deliver(Failed(sentence, traceback.format_exc()))

    def _receive(self) -> None:
        stream = cast("BinaryIO", self.process.stdout)
        broken, parting = "", None
        try:
            self.met = self._meet(stream)
            self._may_send.set()
            while self.met and (event := codec.read_event(stream)) is not None:
                self._deliver(event)
        except HostError as error:
            parting = Parting(str(error), passing=False)
            self.process.kill()
        except codec.BrokenStreamError as error:
            broken = f"{error}\n"
            if self._host is None or not isinstance(error, codec.CutShortError):
                parting = Parting("", passing=False)
                self.process.kill()
        self._hang_up()  # nobody reads commands any more
        stream.close()
        code = self._reap()
        said = self._last_words()
        if self._host is not None and parting is None:
            parting = why(self._host, code, said, met=self.met, late=self._late)
        self._deliver(Ended(code, broken + said, *(parting or ())))

    def _meet(self, stream: BinaryIO) -> bool:
        """Wait for the engine; False if it went away before it came."""
        if self._host is None:
            return True
        patience = threading.Timer(_MEETING, self._lose_patience)
        patience.daemon = True
        patience.start()
        try:
            return meet(stream, self._host)
        finally:
            patience.cancel()

    def _lose_patience(self) -> None:
        self._late = True
        self.process.kill()

    def _last_words(self) -> str:
        with self._errors as errors:
            errors.seek(max(0, errors.seek(0, os.SEEK_END) - _LAST_WORDS))
            return errors.read().decode(errors="replace")

    def _deliver(self, event: Event) -> None:
        """Queue an event; a full queue makes the engine wait, a closed link drops it."""
        while not self._closing.is_set():
            try:
                self._events.put(event, timeout=0.2)
            except queue.Full:
                continue
            return


def _environment(outer: Mapping[str, str]) -> dict[str, str]:
    """The child's environment: idle OpenMP threads must sleep, not spin on the window's core."""
    return {"OMP_WAIT_POLICY": "PASSIVE", **outer}
