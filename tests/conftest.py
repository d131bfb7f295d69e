"""What all tests share: none may read or change the user's own napari settings."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

os.environ["NAPARI_CONFIG"] = str(Path(tempfile.mkdtemp(prefix="napari-unet-")) / "settings.yaml")
