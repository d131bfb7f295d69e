"""The command line's grammar; flags for settings are made from the settings' declarations."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from napari_unet import __version__
from napari_unet.core.settings import Knob, Settings, changed, knobs

_FRONT = ("preset", "device", "threads", "seed")  # shown first, the others are for experts


def build_parser() -> argparse.ArgumentParser:
    """Make the parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="napari-unet",
        description="Paint a few strokes and a U-Net learns to segment your images.",
        epilog="napari-unet COMMAND --help tells more of one command.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in (_demo, _train, _segment, _evaluate, _info):
        command = add(commands)
        command.add_argument(
            "--json", action="store_true", help="print one machine-readable line a result"
        )
    return parser


def check(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Refuse, with exit code 2, what the grammar alone cannot see."""
    names = getattr(options, "classes", None)
    if names is not None and (len(names) < 2 or len(set(names)) < len(names) or "" in names):
        parser.error("--classes needs two or more different names, for example background,cell")


def chosen_settings(options: argparse.Namespace, settings: Settings | None = None) -> Settings:
    """`settings` (by default those of a new model) with the flags that were given."""
    settings = settings or Settings()
    for knob in knobs():
        value = getattr(options, knob.name, None)
        if value is not None:
            settings = changed(settings, knob.group, **{knob.name: value})
    return settings


def _demo(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    parser = commands.add_parser("demo", help="try it on a real image that comes along")
    parser.description = (
        "Open napari on a stained tissue section with the panel and a short guide. Without a "
        "display, train on the same strokes and write what came out."
    )
    parser.add_argument("--headless", action="store_true", help="without a window in any case")
    parser.add_argument(
        "--out", type=Path, default=Path("napari-unet-demo"), metavar="DIR",
        help="where files go when there is no window (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--seconds", type=_positive, default=40.0, metavar="S",
        help="how long to train when there is no window (default: %(default)g)",
    )  # fmt: skip
    return parser


def _train(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    parser = commands.add_parser("train", help="train a model on annotated images")
    parser.description = (
        "Train on images and annotations of the same stem (cell1.tif, cell1.png). Annotations "
        "are label images: 0 unlabelled, 1, 2, … classes; strokes are enough."
    )
    add = parser.add_argument
    add("--images", nargs="+", type=Path, required=True, metavar="A", help="files or folders")
    add("--annotations", nargs="+", type=Path, required=True, metavar="A", help="files or folders")
    add("--out", type=Path, required=True, metavar="MODEL", help="the model file to write")
    add(
        "--classes", type=lambda text: tuple(name.strip() for name in text.split(",")),
        metavar="NAMES", help="names of classes 1, 2, …, for example background,cell",
    )  # fmt: skip
    length = parser.add_mutually_exclusive_group()
    length.add_argument(
        "--seconds", type=_positive, metavar="S",
        help="stop after so long, counted from the first step (default: when nothing improves)",
    )  # fmt: skip
    length.add_argument("--steps", type=_count, metavar="N", help="stop after so many steps")
    add(
        "--init", default="bundled", metavar="bundled|random|MODEL",
        help="weights to start from (default: %(default)s)",
    )  # fmt: skip
    front = parser.add_argument_group("settings")
    expert = parser.add_argument_group("settings for experts")
    for knob in sorted(knobs(), key=lambda knob: knob.name not in _FRONT):
        _add_knob(front if knob.name in _FRONT else expert, knob)
    return parser


def _segment(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    parser = commands.add_parser("segment", help="segment images with a model")
    parser.description = (
        "Write one label file per image: the same stem, classes 1…K as uint8 TIFF. "
        "What this model has segmented already is skipped."
    )
    add = parser.add_argument
    add("input", nargs="+", type=Path, metavar="INPUT", help="image files or folders")
    add("--model", type=Path, required=True, metavar="MODEL", help="a model file")
    add("--out", type=Path, required=True, metavar="DIR", help="folder for the label files")
    add("--pattern", default="*", help="what names of files in folders must match, as *_dapi.tif")
    add(
        "--overwrite", action="store_true",
        help="segment what is done once more, and replace label files of other origin",
    )  # fmt: skip
    for knob in knobs():
        if knob.group == "compute":
            _add_knob(parser, knob)
    return parser


def _evaluate(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    parser = commands.add_parser("evaluate", help="compare label files with the truth")
    parser.description = (
        "IoU and Dice of each class and their mean, over all files of the same stem together. "
        "Pixels that are 0 in the truth do not count."
    )
    add = parser.add_argument
    add("--prediction", type=Path, required=True, metavar="DIR", help="folder of label files")
    add("--truth", type=Path, required=True, metavar="DIR", help="folder of true label files")
    return parser


def _info(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    parser = commands.add_parser("info", help="tell what a model file holds")
    parser.add_argument("model", type=Path, metavar="MODEL")
    return parser


def _add_knob(
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


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number over 0")
    return value


def _count(text: str) -> int:
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number over 0")
    return int(text)
