"""Gives the engine the pixels of planes and volumes: whole, or in parts where they are large."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from qtpy.QtCore import QObject, Signal

from napari_unet.core.image import ImageError
from napari_unet.engine.messages import Offer, Open, Pixels, PlaneName, Wanted
from napari_unet.widgets.background import Background
from napari_unet.widgets.pixels import PlanePixels


class Feed(QObject):
    """Planes that the engine has or will have. Lazy ones are read on another thread.

    Signals
    -------
    say : Command
        For the engine.
    failed : str, str
        A plane cannot be used: its name, and why, as a sentence.
    """

    say = Signal(object)
    failed = Signal(str, str)

    def __init__(self) -> None:
        super().__init__()
        self._planes: dict[PlaneName, PlanePixels] = {}
        self._wanted: dict[PlaneName, Wanted] = {}  # not answered yet
        self._background = Background()

    def give(self, name: PlaneName, pixels: PlanePixels) -> None:
        """Send a plane, or offer it where it is too large to be sent."""
        self._planes[name] = pixels
        job = partial(_introduced, name, pixels)
        if pixels.lazy:
            self._background.do(job, partial(self._on_introduced, name, pixels))
            return
        try:
            self._on_introduced(name, pixels, job())
        except ImageError as error:
            self._on_introduced(name, pixels, error)

    def answer(self, wanted: Wanted) -> bool:
        """Send the pixels that the engine asks for; False if the plane is none of these."""
        pixels = self._planes.get(wanted.plane)
        if pixels is None:
            return False
        self._wanted[wanted.plane] = wanted
        self._background.do(partial(pixels.read, wanted.box), partial(self._on_read, wanted))
        return True

    def drop(self, name: PlaneName) -> None:
        """A plane is not needed any more; call it before the engine is told to close it."""
        self._planes.pop(name, None)
        wanted = self._wanted.pop(name, None)
        if wanted is not None:
            self.say.emit(Pixels(wanted.plane, wanted.box, None))

    def forget_questions(self) -> None:
        """The engine that asked is gone."""
        self._wanted.clear()

    def _on_introduced(self, name: PlaneName, pixels: PlanePixels, outcome: Any) -> None:  # noqa: ANN401
        if self._planes.get(name) is not pixels:  # closed or replaced meanwhile
            return
        if isinstance(outcome, Exception):
            self.failed.emit(name, _sentence(outcome))
        else:
            self.say.emit(outcome)

    def _on_read(self, wanted: Wanted, outcome: Any) -> None:  # noqa: ANN401
        if self._wanted.get(wanted.plane) is not wanted:  # answered already
            return
        del self._wanted[wanted.plane]
        if isinstance(outcome, Exception):
            self.say.emit(Pixels(wanted.plane, wanted.box, None, _sentence(outcome)))
        else:
            image = np.ascontiguousarray(outcome)
            self.say.emit(Pixels(wanted.plane, wanted.box, image))


def _introduced(name: PlaneName, pixels: PlanePixels) -> Open | Offer:
    if not pixels.large:
        return Open(name, pixels.whole(), pixels.title, pixels.anisotropy)
    few, normalisation = pixels.measure()
    return Offer(
        name, (len(few), *pixels.shape), few.dtype.str, normalisation, pixels.title,
        pixels.anisotropy,
    )  # fmt: skip


def _sentence(error: Exception) -> str:
    if isinstance(error, ImageError):
        return str(error)
    return f"The image cannot be read ({error}). Check that its file is still there."
