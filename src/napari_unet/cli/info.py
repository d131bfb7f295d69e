"""`napari-unet info`: what a model file says of itself."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import msgspec

from napari_unet.cli.models import open_header
from napari_unet.cli.output import result, score
from napari_unet.core.header import Header
from napari_unet.core.lineage import BEGUN, SECONDS
from napari_unet.core.methods import changes, class_names, paragraph
from napari_unet.core.provenance import Image


def run(options: argparse.Namespace) -> int:
    """Print the header of a model file, or a paragraph for a paper."""
    header = open_header(options.model)
    if options.methods:
        text = paragraph(header)
    else:
        lines = [("file", str(options.model)), *_lines(header)]
        width = max(len(key) for key, _ in lines)
        text = "\n".join(f"{key.ljust(width)}  {value}" for key, value in lines)
    result(
        as_json=options.json, text=text, file=str(options.model),
        **msgspec.to_builtins(header), methods=paragraph(header),
    )  # fmt: skip
    return 0


def _lines(header: Header) -> Iterator[tuple[str, str]]:
    shape, material = header.shape, header.material
    yield "written by", f"{header.program} (format {header.format})"
    yield "classes", ", ".join(f"{n} {c}" for n, c in enumerate(class_names(header), start=1))
    yield "channels", str(shape.in_channels)
    yield "network", f"{header.settings.network.preset}, width {shape.width}, depth {shape.depth}"
    if shape.axes == 3:
        yield "volumes", f"slices {header.anisotropy:g} px apart, {2 * shape.across} seen each side"
    yield "working scale", "full" if shape.shrink == 1 else f"1/{shape.shrink}"
    if BEGUN not in header.made:
        yield BEGUN, "pre-trained weights" if header.pretrained else "random weights"
    yield from _made(header)
    yield "settings", ", ".join(changes(header)) or "all as by default"
    if material.score is not None:
        yield "held-out score", score(material.score)
    if material.libraries:
        yield "libraries", ", ".join(f"{k} {v}" for k, v in material.libraries.items())
        yield "system", material.system
    if material.images:
        yield "strokes", str(material.strokes)
    for image in material.images:
        yield "judged by" if image.aside else "learnt from", _image(image)


def _made(header: Header) -> Iterator[tuple[str, str]]:
    """When and how it was made, in short."""
    painted = header.material.painted
    for key, value in header.made.items():
        if key == SECONDS:
            yield "trained for", duration(float(value))
        elif key == "painted pixels" and painted:
            names = class_names(header)
            each = zip(names, (*painted, *[0] * len(names)), strict=False)
            yield key, ", ".join(f"{name} {count}" for name, count in each)
        else:
            yield key.replace("_", " "), str(value)


def duration(seconds: float) -> str:
    """A time in words, to three figures or so."""
    minutes, rest = divmod(round(seconds), 60)
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _image(image: Image) -> str:
    channels, *sides = image.shape
    size = " × ".join(map(str, sides))
    count = f"{image.count} stroke{'s' * (image.count != 1)}"
    parts = [f"{size} px, {channels} channel{'s' * (channels != 1)}, {image.dtype}", count]
    if image.checksum:
        parts.append(f"checksum {image.checksum}")
    return f"{image.name or 'an image without a name'} ({', '.join(parts)})"
