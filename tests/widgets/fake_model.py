"""A model file's bytes as far as the window looks at them: a header and no weights."""

from __future__ import annotations

import json
import struct

import msgspec

from napari_unet.core.front import KEY, seal
from napari_unet.core.header import FORMAT, Header, Shape


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


def sealed_model(classes=("background", "cell")):
    """A model file with weights, if few of them, and a checksum."""
    plain = model_bytes(classes)
    (length,) = struct.unpack("<Q", plain[:8])
    inner = json.loads(plain[8 : 8 + length])["__metadata__"][KEY]
    table = json.dumps({"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}).encode()
    return seal(struct.pack("<Q", len(table)) + table + bytes(range(16)), inner)


def flipped(model):
    """The same with one bit of its weights changed."""
    return model[:-1] + bytes([model[-1] ^ 1])
