"""A model file's bytes as far as the window looks at them."""

from __future__ import annotations

import json
import struct


def model_bytes(classes):
    inner = json.dumps({"format": 1, "classes": list(classes)})
    header = json.dumps({"__metadata__": {"napari-unet": inner}}).encode()
    return struct.pack("<Q", len(header)) + header
