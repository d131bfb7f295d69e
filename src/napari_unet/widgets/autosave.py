"""Brings work to the disk in threads of its own, so that painting never waits for it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Lock
from typing import TypeAlias

from qtpy.QtCore import QObject, QTimer, Signal

Task: TypeAlias = Callable[[], None]
_AGAIN = 3000  # ms until a disk that refused is tried again
_NAME = "napari-unet-autosave"


class Autosave(QObject):
    """Tasks that write: strokes one after the other, and the latest of everything large.

    Each has a thread, so that no stroke waits for a model or an image. A task that the disk
    refuses stays and is tried again, so nothing is forgotten while a disk is full.

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
        self._quick = ThreadPoolExecutor(1, thread_name_prefix=_NAME)
        self._slow = ThreadPoolExecutor(1, thread_name_prefix=_NAME)
        self._work: tuple[Future[None], ...] = ()
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.setInterval(_AGAIN)
        self._again.timeout.connect(self.wake)
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
        self._work = (
            self._quick.submit(self._tell, self._do_ordered),
            self._slow.submit(self._tell, self._do_latest),
        )

    def now(self, task: Task) -> None:
        """Do this alone, and wait for it; its errors are raised here."""
        self._slow.submit(lambda: self._quick.submit(task).result()).result()

    def flush(self, seconds: float) -> bool:
        """Wait until all is done, or for so many seconds; whether all is done."""
        if self.pending:
            self.wake()
        wait(self._work, seconds)
        return not self.pending

    def close(self) -> None:
        """Do no more."""
        self._again.stop()
        for pool in (self._quick, self._slow):
            pool.shutdown(wait=False, cancel_futures=True)

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
            self.saved.emit()


def _attempt(task: Task) -> str:
    """Do a task; what went wrong, if anything."""
    try:
        task()
    except OSError as error:
        return error.strerror or str(error) or type(error).__name__
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told and tried again
        return str(error) or type(error).__name__
    return ""
