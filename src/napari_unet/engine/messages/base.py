"""What commands and events are made of."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

PlaneName: TypeAlias = str
UNSURE = 0  # in the place of a class: how unsure the prediction is between all of them
Box: TypeAlias = tuple[int, int, int, int]  # y0, x0, y1, x1 in px, half open


class Message(Struct, frozen=True, eq=False, tag=True):
    """Base of all commands and events."""
