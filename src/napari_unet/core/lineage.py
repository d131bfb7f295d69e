"""Where a model's training began, as its file tells it under `made`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

Made: TypeAlias = dict[str, str | int | float]

BEGUN, PARENT, CHECKSUM, SUMMARY = "begun with", "parent", "parent checksum", "parent made"
BUNDLED, RANDOM, MODEL = "bundled weights", "random weights", "a model"
STEPS, SECONDS = "steps", "seconds"
KEPT, FIRST = "kept", "first answer"  # said where nothing that came from the steps was kept
_LONGEST_NAME, _LONGEST_SUMMARY = 255, 1000  # characters: ancestors' are in it, each shorter


@dataclass(frozen=True)
class Past:
    """What was there before a trainer.

    Attributes
    ----------
    told : where training began, for `made`.
    steps, seconds : of the same training, before its weights came to this trainer.
    """

    told: Made = field(default_factory=dict)
    steps: int = 0
    seconds: float = 0.0


def begun(*, pretrained: bool) -> Past:
    """A training that begins with the bundled weights, or with random ones."""
    return Past({BEGUN: BUNDLED if pretrained else RANDOM})


def continued(made: Mapping[str, str | int | float]) -> Past:
    """The same training, from a copy of its weights."""
    told = {key: made[key] for key in (BEGUN, PARENT, CHECKSUM, SUMMARY) if key in made}
    return Past(told, int(made.get(STEPS, 0)), float(made.get(SECONDS, 0)))


def descended(name: str, checksum: str, made: Mapping[str, str | int | float]) -> Past:
    """A training that begins with somebody's model."""
    told: Made = {BEGUN: MODEL, PARENT: _short(name, _LONGEST_NAME) or "a model without a name"}
    if checksum:
        told[CHECKSUM] = checksum
    summary = ", ".join(f"{key} {value}" for key, value in made.items())
    if summary:
        told[SUMMARY] = _short(summary, _LONGEST_SUMMARY)
    return Past(told)


def began_with(made: Mapping[str, str | int | float], *, pretrained: bool) -> str:
    """Where a training began; for files that do not tell, by whether they were pre-trained."""
    return str(made.get(BEGUN, BUNDLED if pretrained else RANDOM))


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
