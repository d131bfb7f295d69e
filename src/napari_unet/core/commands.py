"""The command line that repeats what was done in the window."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from msgspec import Struct

from napari_unet.core.front import read_front
from napari_unet.core.header import Header, ModelError
from napari_unet.core.lineage import CHECKSUM, MODEL, PARENT, RANDOM, STEPS, began_with
from napari_unet.core.recipe import Recipe
from napari_unet.core.settings import Compute, Knob, Settings, declared, knobs

_RECIPE, _COMPUTE = Recipe(), Compute()  # what the command line does without flags


def train_command(project: Path, header: Header, settings: Settings, out: str, begun: Path) -> str:
    """The line that trains on a project's strokes for as many steps, from the same beginning.

    Parameters
    ----------
    project : Path
    header : Header
        Of the model that training led to.
    settings : Settings
    out : str
        The model file to write.
    begun : Path
        Where the model is kept that training began with, if it began with one.

    Raises
    ------
    ModelError
        If it is not there.
    """
    words = ["napari-unet", "train", "--project", str(project), "--out", out]
    words += ["--steps", str(header.made.get(STEPS, 0)), *_beginning(header, begun)]
    return shlex.join([*words, *_flags(settings)])


def _beginning(header: Header, kept: Path) -> list[str]:
    """What `train` must be told to begin with."""
    made = header.made
    began = began_with(made, pretrained=header.pretrained)
    if began == RANDOM:
        return ["--init", "random"]
    if began != MODEL:
        return []
    try:
        with kept.open("rb") as file:
            same = read_front(file).checksum == made.get(CHECKSUM, "")
    except (OSError, ModelError):
        same = False
    if not same:
        raise ModelError(
            f"Training went on from the model {made.get(PARENT)}, of which the project has no "
            "copy, so no command can repeat it. Choose Load model… once more and train anew, or "
            "write the line yourself, with --init and that file."
        )
    return ["--init", str(kept)]


@dataclass(frozen=True)
class Selection:
    """Which files are segmented, and where results go.

    Attributes
    ----------
    source, target : str
        A folder or a file; the folder for the results.
    pattern : str
        What the names of files in the folder must match.
    deep : bool
        Sub-folders too.
    """

    source: str
    target: str
    pattern: str = "*"
    deep: bool = False


def segment_command(
    files: Selection, model: str, recipe: Recipe = _RECIPE, compute: Compute = _COMPUTE
) -> str:
    """The line that segments a folder or a file.

    Parameters
    ----------
    files : Selection
    model : str
        The model file.
    recipe : Recipe
    compute : Compute
        What it is computed with: some of it changes labels.
    """
    words = ["napari-unet", "segment", files.source, "--model", model, "--out", files.target]
    words += ["--pattern", files.pattern] * (files.pattern != "*") + ["--recursive"] * files.deep
    if recipe.kinds != _RECIPE.kinds:
        words += ["--outputs", ",".join(recipe.kinds)]
    if recipe.format != _RECIPE.format:
        words += ["--format", recipe.format]
    for flag, numbers in (("--channels", recipe.channels), ("--objects-of", recipe.of)):
        words += [flag, ",".join(map(str, numbers))] * bool(numbers)
    words += _different(recipe.objects, _RECIPE.objects)
    words += _different(compute, _COMPUTE)
    return shlex.join(words)


def _different(part: Struct, usual: Struct) -> Iterator[str]:
    """The flags of the settings of one struct that differ from the usual ones."""
    for now, then in zip(declared(part), declared(usual), strict=True):
        if now.default != then.default:
            yield from _flag(now)


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
