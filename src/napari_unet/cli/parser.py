"""The command line's grammar; flags for settings are made from the settings' declarations."""

from __future__ import annotations

import argparse
from pathlib import Path

from napari_unet import __version__
from napari_unet.cli.flags import add_knob, kinds, numbers, positive, whole
from napari_unet.core.objects_settings import ObjectSettings
from napari_unet.core.recipe import FORMATS, KINDS
from napari_unet.core.settings import Settings, changed, declared, knobs

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
        ("export", "make a package for bioimage.io of a model", _export),
    ):
        command = commands.add_parser(name, help=brief)
        fill(command)
        command.add_argument(
            "--json", action="store_true", help="print one machine-readable line a result"
        )
    return parser


def check(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Refuse, with exit code 2, what the grammar alone cannot see."""
    if options.command == "train":
        given = [options.images is not None, options.annotations is not None]
        if any(given) if options.project else not all(given):
            parser.error("train needs --images and --annotations, or --project alone")
        if options.project and options.volume:
            parser.error("--volume goes with --images and --annotations, not with --project")
        if options.anisotropy and not options.volume:
            parser.error("--anisotropy goes with --volume")
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
        "--seconds", type=positive, default=40.0, metavar="S",
        help="how long to train when there is no window (default: %(default)g)",
    )  # fmt: skip


def _train(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Train on images and annotations of the same stem (cell1.tif, cell1.png). Annotations "
        "are label images: 0 unlabelled, 1, 2, … classes; strokes are enough. Training ends sooner "
        "when nothing improves on strokes held out."
    )
    _material(parser)
    _length(parser)
    parser.add_argument(
        "--init", default="bundled", metavar="bundled|random|MODEL",
        help="weights to start from (default: %(default)s)",
    )  # fmt: skip
    front = parser.add_argument_group("settings")
    expert = parser.add_argument_group("settings for experts")
    for knob in sorted(knobs(), key=lambda knob: knob.name not in _FRONT):
        add_knob(front if knob.name in _FRONT else expert, knob)


def _material(parser: argparse.ArgumentParser) -> None:
    """What is learnt from, and where the model goes."""
    add = parser.add_argument
    add("--images", nargs="+", type=Path, metavar="A", help="files or folders")
    add("--annotations", nargs="+", type=Path, metavar="A", help="files or folders")
    add(
        "--project", type=Path, metavar="DIR",
        help="the images and strokes of a project, instead of --images and --annotations",
    )  # fmt: skip
    add("--out", type=Path, required=True, metavar="MODEL", help="the model file to write")
    add(
        "--classes", type=lambda text: tuple(name.strip() for name in text.split(",")),
        metavar="NAMES", help="names of classes 1, 2, …, for example background,cell",
    )  # fmt: skip
    add(
        "--objects", nargs="?", const="sparse", choices=("sparse", "dense"),
        help="the annotations hold numbers of objects, and the network learns to part those that "
        "touch: 0 unlabelled, 1 background, 2, 3, … objects; dense: 0 background, 1, 2, … objects, "
        "as the masks of most tools",
    )  # fmt: skip
    add(
        "--volume", action="store_true",
        help="the files are stacks (Z, Y, X), and the network sees them as volumes: strokes on a "
        "few slices are enough",
    )  # fmt: skip
    add(
        "--anisotropy", type=positive, metavar="A",
        help="distance of two slices of a volume in px (default: what the first file says, or 1)",
    )  # fmt: skip


def _length(parser: argparse.ArgumentParser) -> None:
    """When to stop."""
    length = parser.add_mutually_exclusive_group()
    length.add_argument(
        "--seconds", type=positive, metavar="S",
        help="train no longer than this, the first answer included (default: 60, any with --steps)",
    )  # fmt: skip
    length.add_argument(
        "--steps", type=whole, metavar="N", help="stop after so many steps; 0: the first answer"
    )


def _segment(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Write one label file per image: the same stem, classes 1…K as uint8 OME-TIFF, or what "
        "--outputs asks for. What is done already, with this model and these choices, is skipped."
    )
    add = parser.add_argument
    add("input", nargs="+", type=Path, metavar="INPUT", help="image files or folders")
    add(
        "--model", type=Path, required=True, metavar="MODEL",
        help="a model file, or a package of bioimage.io (a zip file or folder)",
    )  # fmt: skip
    add(
        "--trust", action="store_true",
        help="run a package's TorchScript program, which can do anything that you can",
    )  # fmt: skip
    _results(parser)
    objects = parser.add_argument_group("objects and measurements")
    for knob in declared(ObjectSettings()):
        add_knob(objects, knob)
    for knob in knobs():
        if knob.group == "compute":
            add_knob(parser, knob)


def _results(parser: argparse.ArgumentParser) -> None:
    """Of which files results are wanted, which, and where."""
    add = parser.add_argument
    add("--out", type=Path, required=True, metavar="DIR", help="folder for the results")
    add("--pattern", default="*", help="what names of files in folders must match, as *_dapi.tif")
    add("--recursive", action="store_true", help="sub-folders too; --out mirrors them")
    add(
        "--outputs", type=kinds, default=KINDS[:1], metavar="KINDS",
        help=f"what to write, from {','.join(KINDS)} (default: {KINDS[0]})",
    )  # fmt: skip
    add("--format", choices=FORMATS, default=FORMATS[0], help="of images (default: %(default)s)")
    add("--channels", type=numbers, default=(), metavar="N,…", help="of the files (default: all)")
    add(
        "--objects-of", type=numbers, default=(), metavar="N,…",
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
        "IoU and Dice of their pixels, V_rand, V_info and errors of pairs, pixels and borders; "
        "a1_objects.tif belongs to a1.tif, as batches name them",
    )  # fmt: skip
    add("--csv", type=Path, metavar="FILE", help="write the scores of each file and of all")


def _info(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", type=Path, metavar="MODEL")
    parser.add_argument(
        "--methods", action="store_true", help="print a paragraph for a paper, with references"
    )


def _export(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Write a package with the network as TorchScript and ONNX, which other programs run: "
        "bioimageio.core, deepImageJ, ilastik, ONNX Runtime. It holds neither your images nor "
        "strokes, except what you give with --sample."
    )
    add = parser.add_argument
    add("model", type=Path, metavar="MODEL", help="a model file")
    add("--out", type=Path, required=True, metavar="FILE", help="the zip file to write")
    add("--author", nargs="+", required=True, metavar="NAME", help="who made the model")
    add("--title", default="U-Net of napari-unet", metavar="TEXT", help="(default: %(default)s)")
    add("--about", default="", metavar="TEXT", help="what the model is for")
    add("--data", default="", metavar="TEXT", help="what it was trained on, as a link to it")
    add(
        "--license", default="CC-BY-4.0", metavar="ID",
        help="an SPDX identifier (default: %(default)s)",
    )  # fmt: skip
    add(
        "--sample", type=Path, metavar="IMAGE",
        help="an image to show and test with; part of it is published (default: a bundled one)",
    )  # fmt: skip
    add(
        "--for", dest="purpose", choices=("whole", "tiles"), default="whole",
        help="whole: images that are segmented at once; the network measures brightness, and "
        "labels are as here. tiles: images so large that programs cut them into tiles; standard "
        "steps measure brightness over all of the image, and labels differ a little "
        "(default: %(default)s)",
    )  # fmt: skip
    for knob in knobs():
        if knob.name == "mirrors":
            add_knob(parser, knob)
