"""Arrays and tensors: no Qt, no napari, no threads."""

from __future__ import annotations
