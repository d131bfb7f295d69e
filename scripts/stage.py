"""A real viewer with the real panel and engine, and a hand that paints with real mouse events.

Scripts that make pictures share it. They need a display, or Xvfb.
"""

# ruff: noqa: E402, SLF001 - settings and paths first; the window has no public size
from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from pathlib import Path

# the user's own napari settings and projects are neither read nor changed
HOME = Path(tempfile.mkdtemp(prefix="napari-unet-pictures-"))
os.environ["NAPARI_CONFIG"] = str(HOME / "settings.yaml")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "widgets"))

import hands
import napari
import numpy as np
from PIL import Image
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

from napari_unet.core.samples import stained_tissue
from napari_unet.widgets.classes import ClassList
from napari_unet.widgets.panel import AnnotatePanel
from napari_unet.widgets.project_opening import begin_new

rest = hands.rest
CLASSES = ("empty", "stroma", "gland")
STROKES = (
    (1, (325, 12), (350, 22), (385, 30)),
    (1, (75, 314), (120, 335), (165, 362)),
    (2, (285, 165), (290, 240), (330, 215), (400, 200)),
    (2, (150, 485), (260, 480), (340, 420)),
    (3, (120, 30), (150, 90), (150, 150), (200, 180)),
    (3, (345, 285), (400, 300), (440, 345)),
)
CORRECTION = (2, (485, 395), (492, 430), (480, 480))  # light specks of stroma, taken for empty


class Stage:
    """A window of `size` with the panel at its right, `dock` px wide.

    `images` by name are open before the panel is. Projects of stages before are unknown to it,
    unless it is to `remember`. Where it is not `ready` when it opens, the engine waits.
    """

    opened = 0

    def __init__(
        self, theme="dark", size=(1300, 1250), dock=360, images=None, *, remember=False, ready=True
    ):
        Stage.opened += not remember
        os.environ["NAPARI_UNET_DATA"] = str(HOME / f"data {Stage.opened}")
        self.viewer = napari.Viewer()
        self.viewer.theme = theme
        self.window = self.viewer.window._qt_window
        self.window.resize(*size)
        for name, image in (images or {}).items():
            self.viewer.add_image(image, name=name)
        self.panel = AnnotatePanel(self.viewer)
        self.studio = self.panel.studio
        name = "Annotate and train (U-Net)"
        self.dock = self.viewer.window.add_dock_widget(self.panel, name=name, area="right")
        self.window.resizeDocks([self.dock], [dock], Qt.Orientation.Horizontal)
        if ready:
            self.until(lambda: self.studio.lesson.report.device, 120, "the engine")
        else:
            os.kill(self.studio.keeper.process_id, signal.SIGSTOP)
        self.viewer.reset_view()

    def until(self, true, seconds, what):
        """Wait, with the window alive; end with a sentence if it takes too long."""
        end = time.monotonic() + seconds
        while not true():
            if time.monotonic() > end:
                sys.exit(f"pictures: waited {seconds} s in vain for {what}")
            hands.rest(50)

    def open(self, image, name, **options):
        """Show an image; the panel takes it by itself if it is the only one."""
        layer = self.viewer.add_image(image, name=name, **options)
        self.until(lambda: self.studio.desk.active is not None, 30, "the image")
        self.viewer.reset_view()
        hands.rest(300)
        return layer

    def open_tissue(self):
        """The image of the tutorial, with its classes."""
        self.open(stained_tissue().image, "tissue")
        self.studio.roster.set(ClassList.named(CLASSES))
        self.studio.desk.active.paint.brush_size = 9

    def paint(self, number, *points, pause=12):
        """One stroke of a class through data positions (y, x)."""
        self.studio.roster.select(number)
        hands.stroke(self.viewer, self.studio.desk.active.paint, *points, pause=pause)

    def paint_all(self):
        """The strokes of the tutorial, and wait until their answer covers the image."""
        for number, *points in STROKES:
            self.paint(number, *points)
        self.until(lambda: self.studio.lesson.report.answered, 120, "the first answer")
        self.until(lambda: self.prediction.all(), 120, "the prediction")
        self.put_down()

    def clear(self):
        """Begin anew with an empty window: no images, no strokes, nothing learnt."""
        begin_new(self.studio)
        self.viewer.layers.clear()
        self.studio.fresh = True
        hands.rest(200)

    @property
    def prediction(self):
        return self.studio.desk.active.prediction.data

    def frame(self):
        """The window as it is, (Y, X, 3)."""
        hands.rest(1)
        return np.ascontiguousarray(self.viewer.window.screenshot(flash=False)[..., :3])

    def picture(self, *, dock=None):
        """The window as it is once it is still, or one dock alone."""
        hands.rest(700)
        frame = self.frame()
        if dock is not None:
            scale = frame.shape[1] / self.window.width()
            at = dock.geometry()
            y, x, h, w = (round(v * scale) for v in (at.y(), at.x(), at.height(), at.width()))
            frame = frame[y : y + h, x : x + w]
        return frame

    def shot(self, path, *, dock=None):
        """A picture of the window, or of one dock alone."""
        frame = self.picture(dock=dock)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(frame).save(path, lossless=dock is not None, quality=90, method=6)

    def put_down(self):
        """The brush aside: its outline is not part of what a picture shows."""
        QTest.mouseMove(hands.canvas(self.viewer), QPoint(5, 5))
        hands.rest(100)

    def close(self):
        self.viewer.close()
