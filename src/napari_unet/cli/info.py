"""`napari-unet info`: what a model file says of itself."""

from __future__ import annotations

import argparse

import msgspec

from napari_unet.cli.models import open_model
from napari_unet.cli.output import result
from napari_unet.core.settings import Settings, knobs


def run(options: argparse.Namespace) -> int:
    """Print the header of a model file."""
    header = open_model(options.model).header
    shape = header.shape
    names = header.classes or tuple(map(str, range(1, shape.classes + 1)))
    lines = [
        ("file", str(options.model)),
        ("written by", f"{header.program} (format {header.format})"),
        ("classes", ", ".join(f"{n} {name}" for n, name in enumerate(names, start=1))),
        ("channels", str(shape.in_channels)),
        ("network", f"{header.settings.network.preset}, width {shape.width}, depth {shape.depth}"),
        ("begun with", "pre-trained weights" if header.pretrained else "random weights"),
        *((key.replace("_", " "), str(value)) for key, value in header.made.items()),
        ("settings", _changes(header.settings)),
    ]
    width = max(len(key) for key, _ in lines)
    result(
        as_json=options.json,
        text="\n".join(f"{key.ljust(width)}  {value}" for key, value in lines),
        file=str(options.model),
        **msgspec.to_builtins(header),
    )
    return 0


def _changes(settings: Settings) -> str:
    """The settings that differ from the defaults."""
    usual = {(knob.group, knob.name): knob.default for knob in knobs()}
    changes = [
        f"{knob.name.replace('_', ' ')} {knob.default}"
        for knob in knobs(settings)
        if knob.default != usual[knob.group, knob.name]
    ]
    return ", ".join(changes) or "all as by default"
