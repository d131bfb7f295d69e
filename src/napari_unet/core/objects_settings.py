"""What counts as an object; a module of its own, so that forms and flags are light."""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct

from napari_unet.core.settings import knob


class ObjectSettings(Struct, frozen=True):
    """What counts as an object."""

    split: Annotated[
        bool,
        knob(
            "Split touching objects",
            "Cut objects apart that are joined by a neck, or where the network is unsure.",
        ),
    ] = True
    strength: Annotated[
        float,
        knob(
            "Split strength",
            "Cut where the neck is narrower than this share of the smaller part's width: "
            "0 never cuts, 1 cuts at every notch.",
            0, 1,
        ),
    ] = 0.8  # fmt: skip
    smallest: Annotated[
        int, knob("Smallest object", "Smaller ones are dropped.", 0, 10_000_000, "px²")
    ] = 30
    holes: Annotated[
        int, knob("Fill holes up to", "Holes in objects up to this area are filled.", 0,
                  10_000_000, "px²")
    ] = 100  # fmt: skip
    whole: Annotated[
        bool, knob("Drop objects at the border", "Leave out what the image's border cuts off.")
    ] = False
