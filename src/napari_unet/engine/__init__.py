"""What happens when: commands in, events out. No Qt, no napari."""

from __future__ import annotations
