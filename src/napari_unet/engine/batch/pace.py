"""How long a batch still takes."""

from __future__ import annotations

import time
from collections.abc import Callable

from napari_unet.engine.messages import FileSegmented

_SETTLED = 3  # files after which the pace is worth telling


class Pace:
    """Seconds left, from the files so far; those that were done before do not count.

    Parameters
    ----------
    clock : callable
        Seconds on a clock that only goes forward.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self._files = self._waiting = 0

    def take(self, file: FileSegmented) -> None:
        """Count one more file."""
        self._waiting = file.total - file.done
        self._files += not file.skipped

    @property
    def left(self) -> float | None:
        """Seconds left; None where it is too early to say."""
        if self._files < _SETTLED:
            return None
        return (self._clock() - self._began) / self._files * self._waiting


def in_words(seconds: float) -> str:
    """A time as a person would say it: 40 s, 12 min, 3 h 05 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"
