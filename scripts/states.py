"""Take the panel through all its states in one theme, and make a picture of each.

`screenshots.py` runs it. Pictures of the dock come as states/….png and states/…-light.png, those of
the whole window as panel-….png.
"""

from __future__ import annotations

import argparse
import os
import signal
from functools import partial
from pathlib import Path

import numpy as np
from qtpy.QtTest import QTest
from stage import STROKES, Stage


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("out", type=Path)
    options.add_argument("--theme", default="dark")
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--width", type=int, default=360)
    chosen = options.parse_args()
    ending = "" if chosen.theme == "dark" else f"-{chosen.theme}"
    stage = Stage(chosen.theme, dock=chosen.width)
    shots = Shots(stage, chosen.out, ending)
    tissue(stage, shots, chosen.seconds)
    troubles(stage, shots)
    stage.close()
    # napari 0.9.2 can crash as a stack comes into a window from which all layers were removed
    stage = Stage(chosen.theme, dock=chosen.width)
    stack(stage, Shots(stage, chosen.out, ending))
    stage.close()


class Shots:
    """Pictures of a stage, by the names of its states."""

    def __init__(self, stage, out, ending):
        self.stage, self.out, self.ending = stage, out, ending

    def dock(self, name):
        self.stage.shot(self.out / "states" / f"{name}{self.ending}.png", dock=True)

    def window(self, name):
        if not self.ending:  # the pages show windows in the dark theme
            self.stage.shot(self.out / f"panel-{name}.png")
        self.dock(name)


def tissue(stage, shots, seconds):
    """The work of the tutorial, from an empty window to the result."""
    panel, studio = stage.panel, stage.studio
    shots.dock("no-image")
    stage.open_tissue()
    shots.window("opened")
    stage.paint(*STROKES[0])
    QTest.qWait(500)
    shots.dock("one-class")
    stage.paint_all()
    shots.window("strokes")
    panel.training.train.click()
    QTest.qWait(round(seconds * 500))
    shots.window("training")
    panel.view.outlines.click()
    shots.window("outlines")
    panel.view.outlines.click()
    panel.correct.accept.click()
    shots.dock("accepting")
    panel.correct.accept.click()
    QTest.qWait(round(seconds * 500))
    shots.dock("trained")
    panel.training.train.click()
    shots.dock("paused")
    panel.results.segment.click()
    shots.dock("segmenting")
    stage.until(lambda: "tissue segmentation" in stage.viewer.layers, 600, "the whole image")
    studio.desk.active.prediction.visible = studio.desk.active.paint.visible = False
    shots.window("result")
    for name, fold in (("objects", panel.results.objects), ("settings", panel.settings),
                       ("keys", panel.keys)):  # fmt: skip
        fold.expand()
        QTest.qWait(500)
        shots.dock(name)
        fold.collapse()


def troubles(stage, shots):
    """What cannot be used, and an engine that dies."""
    broken = np.full((300, 300), np.nan, np.float32)
    stage.studio.choose([stage.viewer.add_image(broken, name="broken", contrast_limits=(0, 1))])
    stage.until(lambda: stage.studio.lesson.urgent, 60, "the complaint")
    shots.window("refused")
    stage.clear()
    stage.open_tissue()
    stage.paint_all()
    os.kill(stage.studio.keeper.process_id, signal.SIGTERM)
    stage.until(lambda: not stage.studio.lesson.report.device, 60, "the end of the engine")
    shots.window("stopped")
    stage.until(lambda: stage.studio.lesson.report.device, 240, "the engine")


def stack(stage, shots):
    """A stack, and an image too large to be shown at once."""
    rng = np.random.default_rng(0)
    plane = partial(rng.integers, 0, 255, dtype=np.uint8)
    stage.open(plane(size=(5, 256, 256)), "stack", scale=(4, 1, 1))
    stage.paint(1, (20, 20), (20, 90))
    stage.paint(2, (90, 20), (90, 90))
    QTest.qWait(500)
    shots.dock("stack")
    stage.clear()
    stage.open(plane(size=(9000, 12000)), "large")
    QTest.qWait(1000)
    shots.dock("large")


main()
