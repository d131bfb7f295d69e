"""What commands and events are made of."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import Meta, Struct

PlaneName: TypeAlias = str
UNSURE = 0  # in the place of a class: how unsure the prediction is between all of them
Box: TypeAlias = tuple[int, int, int, int]  # y0, x0, y1, x1 in px, half open
# The same of a plane; of a volume z0, y0, x0, z1, y1, x1
Bounds: TypeAlias = Annotated[tuple[int, ...], Meta(min_length=4, max_length=6)]


class Message(Struct, frozen=True, eq=False, tag=True):
    """Base of all commands and events."""
