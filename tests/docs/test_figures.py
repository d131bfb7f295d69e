"""The figures of the explanation pages are what the program's own code draws."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from pages import ROOT


def test_the_figures_on_the_pages_are_those_that_are_drawn(tmp_path):
    pytest.importorskip("matplotlib", reason="needs the group docs")
    subprocess.run(
        [sys.executable, "scripts/docs_figures.py", "--out", tmp_path],
        cwd=ROOT, capture_output=True, check=True, timeout=120,
    )  # fmt: skip
    drawn = sorted(tmp_path.iterdir())
    assert len(drawn) == 4
    shown = "".join(page.read_text("utf-8") for page in (ROOT / "docs/explanation").glob("*.md"))
    for path in drawn:
        assert f"images/{path.name}" in shown
        new, old = (
            np.asarray(Image.open(file).convert("L"), float)
            for file in (path, ROOT / "docs" / "images" / path.name)
        )
        # other versions of matplotlib set letters a pixel further
        np.testing.assert_allclose(new.shape, old.shape, atol=6)
        height, width = np.minimum(new.shape, old.shape)
        difference = new[:height, :width] - old[:height, :width]
        assert np.abs(difference).mean() < 12, path.name
