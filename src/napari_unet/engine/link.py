"""The parent's end: starts the engine's process, talks to it, and tells how it ended."""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import tempfile
import threading
from typing import TYPE_CHECKING, BinaryIO, cast

from napari_unet.engine import codec
from napari_unet.engine.messages import Command, Ended, Event

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_WAITING = 64  # events that may wait for the window before the engine must wait too
_PATIENCE = 2.5  # seconds until a process that was asked to end is killed
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
    """

    def __init__(self, command: Sequence[str] | None = None) -> None:
        self._events: queue.Queue[Event] = queue.Queue(_WAITING)
        self._commands: queue.SimpleQueue[Command | None] = queue.SimpleQueue()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - `_receive` closes it
        self._closing = threading.Event()
        self.process = subprocess.Popen(  # noqa: S603 - our own interpreter
            # -P: files that happen to lie in the user's folder must not be imported
            command or [sys.executable, "-P", "-m", "napari_unet.engine"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=_environment(os.environ),
            creationflags=_QUIET,
        )
        self._sender = threading.Thread(target=self._send, daemon=True)
        self._sender.start()
        threading.Thread(target=self._receive, daemon=True).start()

    def post(self, command: Command) -> None:
        """Send a command, at once, whatever the engine is doing; dropped when it has ended."""
        if self._sender.is_alive():
            self._commands.put(command)

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
        self._commands.put(None)
        threading.Thread(target=self._reap, daemon=True).start()

    def _reap(self) -> int:
        """Wait for the process to end, kill it when that takes too long; its exit code."""
        try:
            return self.process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def _send(self) -> None:
        stream = cast("BinaryIO", self.process.stdin)
        # an OSError: the process is gone; `_receive` tells how
        with contextlib.suppress(OSError), stream:
            while (command := self._commands.get()) is not None:
                codec.write(stream, command)

    def _receive(self) -> None:
        stream = cast("BinaryIO", self.process.stdout)
        broken = ""
        try:
            while (event := codec.read_event(stream)) is not None:
                self._deliver(event)
        except codec.BrokenStreamError as error:
            broken = f"{error}\n"
            self.process.kill()
        self._commands.put(None)  # nobody reads commands any more
        stream.close()
        code = self._reap()
        with self._errors as errors:
            errors.seek(max(0, errors.seek(0, os.SEEK_END) - _LAST_WORDS))
            said = errors.read().decode(errors="replace")
        self._deliver(Ended(code, broken + said))

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
