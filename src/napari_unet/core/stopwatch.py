"""How long something was worked on, whatever lay between."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Protocol, TypeVar


class Watched(Protocol):
    """What is timed: `seconds` grow."""

    seconds: float


_Self = TypeVar("_Self", bound=Watched)
_Result = TypeVar("_Result")


def timed(work: Callable[[_Self], _Result]) -> Callable[[_Self], _Result]:
    """Add how long a method takes to its object's `seconds`."""

    @functools.wraps(work)
    def measured(self: _Self) -> _Result:
        start = time.perf_counter()
        try:
            return work(self)
        finally:
            self.seconds += time.perf_counter() - start

    return measured
