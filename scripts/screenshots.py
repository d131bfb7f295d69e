"""Make the documentation's pictures: the panel opened, with strokes, training, and the result.

They come from a real viewer with the real engine, painted with real mouse events. Without a
screen, run it under Xvfb:

    xvfb-run -a -s "-screen 0 1600x1000x24" python scripts/screenshots.py
"""

# ruff: noqa: E402, SLF001 - settings and paths first; the window has no public size
from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

# the user's own napari settings are neither read nor changed
os.environ["NAPARI_CONFIG"] = str(Path(tempfile.mkdtemp()) / "settings.yaml")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "widgets"))

import napari
from hands import stroke
from qtpy.QtTest import QTest
from skimage import data

from napari_unet.widgets.classes import ClassList
from napari_unet.widgets.panel import AnnotatePanel

CLASSES = ("empty", "stroma", "gland")
STROKES = (
    (1, (325, 12), (350, 22), (385, 30)),
    (1, (75, 314), (120, 335), (165, 362)),
    (2, (285, 165), (290, 240), (330, 215), (400, 200)),
    (2, (150, 485), (260, 480), (340, 420)),
    (3, (120, 30), (150, 90), (150, 150), (200, 180)),
    (3, (345, 285), (400, 300), (440, 345)),
)


def until(true, seconds):
    """Wait, with the window alive."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            sys.exit("screenshots: waited in vain")
        QTest.qWait(50)


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    options.add_argument("--seconds", type=float, default=60, help="of training")
    options.add_argument("--theme", default="dark")
    chosen = options.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)

    viewer = napari.Viewer()
    viewer.theme = chosen.theme
    viewer.window._qt_window.resize(1300, 860)
    viewer.add_image(data.immunohistochemistry(), name="tissue")
    panel = AnnotatePanel(viewer)
    viewer.window.add_dock_widget(panel, name="Annotate and train (U-Net)", area="right")
    studio = panel.studio

    def shot(name):
        QTest.qWait(700)
        viewer.window.screenshot(str(chosen.out / f"panel-{name}.png"), flash=False)

    until(lambda: studio.lesson.report.device, 60)
    viewer.reset_view()
    shot("opened")

    studio.roster.set(ClassList.named(CLASSES))
    layer = studio.desk.active.paint
    layer.brush_size = 9
    for number, *points in STROKES:
        studio.roster.select(number)
        stroke(viewer, layer, *points)
    until(lambda: studio.lesson.report.answered, 60)
    until(lambda: studio.desk.active.prediction.data.all(), 60)
    shot("strokes")

    panel.training.train.click()
    QTest.qWait(round(chosen.seconds * 500))
    shot("training")
    QTest.qWait(round(chosen.seconds * 500))
    panel.training.train.click()
    panel.results.segment.click()
    until(lambda: "tissue segmentation" in viewer.layers, 120)
    studio.desk.active.prediction.visible = studio.desk.active.paint.visible = False
    shot("result")
    viewer.close()


main()
