"""The command line that repeats what was done in the window."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from napari_unet.core.recipe import Recipe
from napari_unet.core.settings import Knob, Settings, declared, knobs


def train_command(project: Path, steps: int, settings: Settings, out: str) -> str:
    """The line that trains on a project's strokes for as many steps."""
    words = ["napari-unet", "train", "--project", str(project), "--out", out]
    words += ["--steps", str(max(steps, 1)), *_flags(settings)]
    return shlex.join(words)


def segment_command(
    source: str, target: str, model: str, recipe: Recipe, pattern: str, *, deep: bool
) -> str:
    """The line that segments a folder."""
    words = ["napari-unet", "segment", source, "--model", model, "--out", target]
    words += ["--pattern", pattern] * (pattern != "*") + ["--recursive"] * deep
    usual = Recipe()
    if recipe.kinds != usual.kinds:
        words += ["--outputs", ",".join(recipe.kinds)]
    if recipe.format != usual.format:
        words += ["--format", recipe.format]
    for flag, numbers in (("--channels", recipe.channels), ("--objects-of", recipe.of)):
        words += [flag, ",".join(map(str, numbers))] * bool(numbers)
    for now, then in zip(declared(recipe.objects), declared(usual.objects), strict=True):
        words += _flag(now) * (now.default != then.default)
    return shlex.join(words)


def _flags(settings: Settings) -> Iterator[str]:
    """The settings that differ from the defaults; the seed in any case."""
    for now, then in zip(knobs(settings), knobs(), strict=True):
        if now.default != then.default or now.name == "seed":
            yield from _flag(now)


def _flag(knob: Knob) -> list[str]:
    name = knob.name.replace("_", "-")
    if knob.kind is bool:
        return [f"--{name}" if knob.default else f"--no-{name}"]
    return [f"--{name}", str(knob.default)]
