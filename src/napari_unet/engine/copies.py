"""Copies of the best weights for the parent, in case the engine dies."""

from __future__ import annotations

import time
from collections.abc import Iterator

from napari_unet.core.training import Trainer
from napari_unet.engine.messages import Event, Exported
from napari_unet.engine.workbench import Workbench

_EVERY = 15.0  # seconds between two copies …
_SHARE = 10.0  # … or so many times what the last one took to travel


class Copies:
    """Gives the parent the best weights now and then.

    Parameters
    ----------
    bench : Workbench
        Has the model.
    """

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._generation, self._due = 0, 0.0  # of the last copy; when the next may be

    def next(self, trainer: Trainer) -> Iterator[Event]:
        """A copy, where there are newer weights and the last one is long enough ago."""
        began = time.monotonic()
        if trainer.generation != self._generation and began > self._due:
            yield Exported(memoryview(self._bench.model().to_bytes()), asked=False)
            now = time.monotonic()  # who listens takes it before going on, however slow the line
            self._generation = trainer.generation
            self._due = now + max(_EVERY, _SHARE * (now - began))
