"""`napari-unet info`: what a model file says of itself."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import msgspec

from napari_unet.cli.models import open_header
from napari_unet.cli.output import result, score
from napari_unet.core.header import Header
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
    yield "begun with", "pre-trained weights" if header.pretrained else "random weights"
    for key, value in header.made.items():
        yield key.replace("_", " "), str(value)
    yield "settings", ", ".join(changes(header)) or "all as by default"
    if material.score is not None:
        yield "held-out score", score(material.score)
    if material.libraries:
        yield "libraries", ", ".join(f"{k} {v}" for k, v in material.libraries.items())
        yield "system", material.system
    if material.images:
        yield "strokes", str(material.strokes)
    for image in material.images:
        yield "learnt from", _image(image)


def _image(image: Image) -> str:
    channels, *sides = image.shape
    size = " × ".join(map(str, sides))
    count = f"{image.count} stroke{'s' * (image.count != 1)}"
    parts = [f"{size} px, {channels} channel{'s' * (channels != 1)}, {image.dtype}", count]
    if image.checksum:
        parts.append(f"checksum {image.checksum}")
    return f"{image.name or 'an image without a name'} ({', '.join(parts)})"
