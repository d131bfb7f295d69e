"""Who waits for the model that the engine was asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from napari_unet.core.header import ModelBytes

Then: TypeAlias = Callable[[ModelBytes], None]


class Request(NamedTuple):
    """Whom to give the model, and what to tell the user if it never comes; nothing if empty."""

    then: Then
    loss: str


class Requests:
    """Requests that wait for one answer.

    Attributes
    ----------
    asked : whether an engine is about to answer; else it must be asked first.
    """

    def __init__(self) -> None:
        self._waiting: list[Request] = []
        self.asked = False

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, then: Then, loss: str) -> None:
        """Wait for an answer."""
        self._waiting.append(Request(then, loss))

    def answer(self, model: ModelBytes) -> None:
        """All who wait get it."""
        for request in self._take():
            request.then(model)

    def outlive(self) -> bool:
        """The engine is gone, another comes: only the user's own requests wait on.

        Returns
        -------
        bool
            Whether others were dropped.
        """
        before = self._take()
        self._waiting = [request for request in before if request.loss]
        return len(self._waiting) < len(before)

    def drop(self) -> list[str]:
        """Nobody is answered any more; what to tell, each once."""
        return list(dict.fromkeys(request.loss for request in self._take() if request.loss))

    def _take(self) -> list[Request]:
        waiting, self._waiting, self.asked = self._waiting, [], False
        return waiting
