"""Brings work to the disk in threads of its own, so that painting never waits for it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Lock
from typing import TypeAlias

from qtpy.QtCore import QObject, Signal

from napari_unet.widgets.timers import single_shot

Task: TypeAlias = Callable[[], None]
_AGAIN = 3000  # ms until a disk that refused is tried again
_IDLE = 2000  # ms without work until the threads end
_NAME = "napari-unet-autosave"


class Autosave(QObject):
    """Tasks that write: strokes one after the other, and the latest of everything large.

    Each has a thread, so that no stroke waits for a model or an image; they end when nothing was
    to be done for a while. A task that the disk refuses stays and is tried again, so nothing is
    forgotten while a disk is full.

    Signals
    -------
    saved : all is on the disk.
    failed : str
        Something could not be written; what the system said. Sent at each attempt.
    """

    saved = Signal()
    failed = Signal(str)
    _ended = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._ordered: deque[Task] = deque()
        self._latest: dict[Hashable, Task] = {}
        self._lock = Lock()
        self._pools: tuple[ThreadPoolExecutor, ThreadPoolExecutor] | None = None  # quick, slow
        self._work: tuple[Future[None], ...] = ()
        self._again = single_shot(self, self.wake, _AGAIN)
        self._idle = single_shot(self, self._rest, _IDLE)
        self._ended.connect(self._on_ended)

    @property
    def pending(self) -> bool:
        """Whether something is not on the disk yet."""
        with self._lock:
            return bool(self._ordered or self._latest)

    def add(self, task: Task) -> None:
        """Do this after all that was added before; it must not be lost."""
        with self._lock:
            self._ordered.append(task)
        self.wake()

    def put(self, kind: Hashable, task: Task) -> None:
        """Do this soon, unless another task of this kind replaces it first."""
        with self._lock:
            self._latest[kind] = task
        self.wake()

    def wake(self) -> None:
        """Try all that is to be done, now."""
        quick, slow = self._threads()
        self._work = (
            quick.submit(self._tell, self._do_ordered),
            slow.submit(self._tell, self._do_latest),
        )

    def now(self, task: Task) -> None:
        """Do this alone, and wait for it; its errors are raised here."""
        quick, slow = self._threads()
        slow.submit(lambda: quick.submit(task).result()).result()

    def flush(self, seconds: float) -> bool:
        """Wait until all is done, or for so many seconds; whether all is done."""
        if self.pending:
            self.wake()
        wait(self._work, seconds)
        return not self.pending

    def close(self) -> None:
        """Do no more."""
        self._again.stop()
        self._idle.stop()
        self._end()

    def _threads(self) -> tuple[ThreadPoolExecutor, ThreadPoolExecutor]:
        if self._pools is None:
            quick, slow = (ThreadPoolExecutor(1, thread_name_prefix=_NAME) for _ in range(2))
            self._pools = quick, slow
        return self._pools

    def _end(self) -> None:
        for pool in self._pools or ():
            pool.shutdown(wait=False, cancel_futures=True)
        self._pools = None

    # -- in the threads ------------------------------------------------------------------

    def _tell(self, work: Callable[[], str]) -> None:
        said = work()
        try:
            self._ended.emit(said)
        except RuntimeError:  # the window closed meanwhile
            return

    def _do_ordered(self) -> str:
        while self._ordered:
            said = _attempt(self._ordered[0])
            if said:
                return said
            with self._lock:
                self._ordered.popleft()
        return ""

    def _do_latest(self) -> str:
        said = ""
        for kind in tuple(self._latest):
            with self._lock:
                task = self._latest[kind]
            refused = _attempt(task)
            with self._lock:
                if not refused and self._latest[kind] is task:
                    del self._latest[kind]
            said = said or refused
        return said

    # -- in the window's thread ----------------------------------------------------------

    def _on_ended(self, said: str) -> None:
        if said:
            self.failed.emit(said)
            self._again.start()
        elif not self.pending:
            self._idle.start()
            self.saved.emit()

    def _rest(self) -> None:
        if all(work.done() for work in self._work):  # else it starts again when they are
            self._end()


def _attempt(task: Task) -> str:
    """Do a task; what went wrong, if anything."""
    try:
        task()
    except OSError as error:
        return error.strerror or str(error) or type(error).__name__
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told and tried again
        return str(error) or type(error).__name__
    return ""
