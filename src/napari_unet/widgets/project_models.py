"""The models that a project keeps: what predicts now, the best one, what training began with."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QObject

from napari_unet.core.header import ModelBytes
from napari_unet.core.project.folder import BEST, LAST
from napari_unet.widgets.timers import single_shot

BEGUN = "checkpoints/begun.safetensors"  # what training began with, where that was loaded
_PAUSE = 10_000  # ms between two copies; one is many megabytes


class ModelCopies(QObject):
    """Takes models as they come, and has the newest ones written now and then.

    Parameters
    ----------
    write : callable
        Takes the name of a model file and its bytes, none if it is to be deleted.

    Attributes
    ----------
    best : the score of the best model that was kept, 0…1.
    """

    def __init__(self, write: Callable[[str, ModelBytes], None]) -> None:
        super().__init__()
        self.best: float | None = None
        self._write = write
        self._waiting: dict[str, ModelBytes] = {}
        self._timer = single_shot(self, self.flush, _PAUSE)

    def keep(self, model: ModelBytes, score: float | None) -> None:
        """Write the model that predicts now, a little later; and as the best, if it is that."""
        self._waiting[LAST] = model
        if self.best is None or (score or 0.0) >= self.best:
            self._waiting[BEST], self.best = model, score
        if not self._timer.isActive():
            self._timer.start()

    def forget(self) -> None:
        """What was learnt is not to be gone on with; the best model stays."""
        self._waiting.pop(LAST, None)
        self._write(LAST, b"")

    def begin(self, model: ModelBytes) -> None:
        """Keep the model that training begins with; none where it begins with no loaded one."""
        self._write(BEGUN, model)

    def flush(self) -> None:
        """Write what waits, now."""
        self.stop()
        waiting, self._waiting = self._waiting, {}
        for name, model in waiting.items():
            self._write(name, model)

    def stop(self) -> None:
        """Write nothing more."""
        self._timer.stop()
