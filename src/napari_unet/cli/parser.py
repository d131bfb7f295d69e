"""The command line's grammar; flags for settings are made from the settings' declarations."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from napari_unet import __version__
from napari_unet.core.objects_settings import ObjectSettings
from napari_unet.core.recipe import FORMATS, KINDS
from napari_unet.core.settings import Knob, Settings, changed, declared, knobs

# Shown first; the others are for experts
_FRONT = ("preset", "working_scale", "device", "precision", "threads", "seed")


def build_parser() -> argparse.ArgumentParser:
    """Make the parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="napari-unet",
        description="Paint a few strokes and a U-Net learns to segment your images.",
        epilog="napari-unet COMMAND --help tells more of one command.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, brief, fill in (
        ("demo", "try it on a real image that comes along", _demo),
        ("train", "train a model on annotated images", _train),
        ("segment", "segment images with a model", _segment),
        ("evaluate", "compare label files with the truth", _evaluate),
        ("info", "tell what a model file holds", _info),
    ):
        command = commands.add_parser(name, help=brief)
        fill(command)
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


def _demo(parser: argparse.ArgumentParser) -> None:
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


def _train(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Train on images and annotations of the same stem (cell1.tif, cell1.png). Annotations "
        "are label images: 0 unlabelled, 1, 2, … classes; strokes are enough. Training ends sooner "
        "when nothing improves on strokes held out."
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
        help="train no longer than this, the first answer included (default: 60, any with --steps)",
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


def _segment(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Write one label file per image: the same stem, classes 1…K as uint8 OME-TIFF, or what "
        "--outputs asks for. What is done already, with this model and these choices, is skipped."
    )
    add = parser.add_argument
    add("input", nargs="+", type=Path, metavar="INPUT", help="image files or folders")
    add("--model", type=Path, required=True, metavar="MODEL", help="a model file")
    add("--out", type=Path, required=True, metavar="DIR", help="folder for the results")
    add("--pattern", default="*", help="what names of files in folders must match, as *_dapi.tif")
    add("--recursive", action="store_true", help="sub-folders too; --out mirrors them")
    add(
        "--outputs", type=_kinds, default=KINDS[:1], metavar="KINDS",
        help=f"what to write, from {','.join(KINDS)} (default: {KINDS[0]})",
    )  # fmt: skip
    add("--format", choices=FORMATS, default=FORMATS[0], help="of images (default: %(default)s)")
    add("--channels", type=_numbers, default=(), metavar="N,…", help="of the files (default: all)")
    add(
        "--objects-of", type=_numbers, default=(), metavar="N,…",
        help="classes whose objects are counted (default: all but the first)",
    )  # fmt: skip
    add(
        "--overwrite", action="store_true",
        help="segment what is done once more, and replace files of other origin",
    )  # fmt: skip
    add(
        "--cluster", default="", metavar="ADDRESS",
        help="of a Dask scheduler, as tcp://host:8786, whose workers see the same folders",
    )  # fmt: skip
    objects = parser.add_argument_group("objects and measurements")
    for knob in declared(ObjectSettings()):
        _add_knob(objects, knob)
    for knob in knobs():
        if knob.group == "compute":
            _add_knob(parser, knob)


def _evaluate(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "IoU and Dice of each class and their mean, over all files of the same stem together. "
        "Pixels that are 0 in the truth do not count."
    )
    add = parser.add_argument
    add("--prediction", type=Path, required=True, metavar="DIR", help="folder of label files")
    add("--truth", type=Path, required=True, metavar="DIR", help="folder of true label files")
    add(
        "--objects", action="store_true",
        help="the files hold numbers of objects, 0 for none: tell F1, average precision, SEG, "
        "V_rand, V_info and errors of pairs, pixels and borders",
    )  # fmt: skip
    add("--csv", type=Path, metavar="FILE", help="write the scores of each file and of all")


def _info(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", type=Path, metavar="MODEL")


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


def _kinds(text: str) -> tuple[str, ...]:
    wanted = {part.strip() for part in text.split(",")}
    if unknown := wanted.difference(KINDS):
        raise argparse.ArgumentTypeError(f"{unknown.pop()!r} is none of {', '.join(KINDS)}")
    return tuple(kind for kind in KINDS if kind in wanted)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(_count(part.strip()) for part in text.split(","))


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
