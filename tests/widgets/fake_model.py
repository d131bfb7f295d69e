"""A model file's bytes as far as the window looks at them: a header and no weights."""

from __future__ import annotations

import json
import struct

import msgspec

from napari_unet.core.header import FORMAT, KEY, Header, Shape


def model_bytes(classes, axes=2, channels=1):
    shape = Shape(
        in_channels=channels,
        classes=len(classes),
        width=4,
        depth=1,
        axes=axes,
        norm=True,
        across=1 if axes == 3 else 0,
    )
    inner = msgspec.json.encode(Header(FORMAT, "test", shape, tuple(classes))).decode()
    header = json.dumps({"__metadata__": {KEY: inner}}).encode()
    return struct.pack("<Q", len(header)) + header
