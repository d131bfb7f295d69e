"""What follows flags on the command line: settings, numbers and lists."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from napari_unet.core.recipe import KINDS
from napari_unet.core.settings import Knob


def add_knob(
    parser: argparse._ActionsContainer,
    knob: Knob,
) -> None:
    """Add the flag of one setting; what is not given keeps the default."""
    unit = f" {knob.unit}" if knob.unit else ""
    default = ("yes" if knob.default else "no") if knob.kind is bool else knob.default
    tip = f"{knob.tip} (default: {default}{unit})".replace("%", "%%")
    flag = f"--{knob.name.replace('_', '-')}"
    if knob.kind is bool:
        parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=None, help=tip)
    elif knob.choices:
        parser.add_argument(flag, choices=knob.choices, help=tip)
    else:
        kind = "N" if knob.kind is int else "X"
        parser.add_argument(flag, type=_within(knob), metavar=kind, help=tip)


def _within(knob: Knob) -> Callable[[str], float]:
    """A reader of a number between the setting's bounds."""

    def read(text: str) -> float:
        try:
            value: float = knob.kind(text)
        except ValueError:
            what = "a whole number" if knob.kind is int else "a number"
            raise argparse.ArgumentTypeError(f"{text!r} is not {what}") from None
        if not (knob.low or 0) <= value <= (knob.high or 0):
            raise argparse.ArgumentTypeError(f"{text} is not between {knob.low} and {knob.high}")
        return value

    return read


def kinds(text: str) -> tuple[str, ...]:
    """Read what to write, separated by commas."""
    wanted = {part.strip() for part in text.split(",")}
    if unknown := wanted.difference(KINDS):
        raise argparse.ArgumentTypeError(f"{unknown.pop()!r} is none of {', '.join(KINDS)}")
    return tuple(kind for kind in KINDS if kind in wanted)


def numbers(text: str) -> tuple[int, ...]:
    """Read numbers from 1, separated by commas."""
    return tuple(count(part.strip()) for part in text.split(","))


def positive(text: str) -> float:
    """Read a number over 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number over 0")
    return value


def whole(text: str) -> int:
    """Read a whole number, 0 or more."""
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number, 0 or more")
    return int(text)


def count(text: str) -> int:
    """Read a whole number over 0."""
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number over 0")
    return int(text)
