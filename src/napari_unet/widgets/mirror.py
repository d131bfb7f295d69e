"""Shows progress in napari's activity dock too, if it takes long enough to be worth it."""

from __future__ import annotations

import io
import time

from napari.utils import progress

_WORTH = 1.0  # s that something must take to be shown
_OFTEN = 0.25  # s between two updates


class ActivityMirror:
    """One bar in the activity dock.

    Parameters
    ----------
    what : str
        What is going on, as the bar says.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._bar: progress | None = None
        self._began: float | None = None
        self._shown = 0.0

    def show(self, done: int, total: int) -> None:
        """So much is done; the bar goes away when it is all."""
        now = time.monotonic()
        self._began = self._began or now
        if done >= total:
            self.close()
            return
        if now - self._began < _WORTH or now - self._shown < _OFTEN:
            return
        self._shown = now
        if self._bar is None:
            # a bar prints itself to the terminal too; nobody reads it there
            self._bar = progress(total=total, desc=self._what, file=io.StringIO())
        elif self._bar.total != total:
            self._bar.total = total
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
        self._bar, self._began = None, None
