"""Who imports the package gets its types, under mypy's strictest rules."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CONSUMER = """
import numpy as np
from typing_extensions import assert_type
from numpy.typing import NDArray

import napari_unet
from napari_unet.core.methods import paragraph
from napari_unet.core.settings import Compute, Settings, changed

image = np.zeros((64, 64), np.uint16)
paint = np.zeros((64, 64), np.uint8)
model = napari_unet.train([image], [paint], seconds=1.0)
assert_type(model, napari_unet.Model)
assert_type(model.segment(image), NDArray[np.uint8])
assert_type(model.segment(image, compute=Compute(mirrors=False)), NDArray[np.uint8])
model.save("cells.safetensors")
assert_type(napari_unet.load("cells.safetensors"), napari_unet.Model)
assert_type(model.header.classes, tuple[str, ...])
assert_type(paragraph(model.header), str)
assert_type(changed(Settings(), "training", seed=3), Settings)
assert_type(napari_unet.__version__, str)
"""
WRONG = "model.segment('a file')"


def complaints(code, folder):
    """What mypy says of a script that lies outside our sources and knows none of our settings."""
    script = Path(folder, "consumer.py")
    script.write_text(code)
    cache = Path(__file__).parents[1] / ".mypy_cache" / "consumer"
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={cache}",
         script.name],
        cwd=folder, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert not done.stderr
    return [line for line in done.stdout.splitlines() if line.startswith("consumer.py")]


@pytest.mark.timeout(600)  # mypy reads all of torch once
def test_a_strictly_typed_script_may_use_the_package(tmp_path):
    pytest.importorskip("mypy", reason="needs the group lint")
    assert complaints(CONSUMER, tmp_path) == []
    (complaint,) = complaints(CONSUMER + WRONG, tmp_path)
    assert "[arg-type]" in complaint
