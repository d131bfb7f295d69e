"""Make the short animation: strokes, predictions streaming in, training, a correction, a result.

    xvfb-run -a -s "-screen 0 1600x1300x24" python scripts/animation.py docs/images/painting.webp

Every frame is the real window. Waiting is cut out; the clock in the corner shows the real time.
"""

from __future__ import annotations

import argparse
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from qtpy.QtTest import QTest
from stage import CORRECTION, STROKES, Stage, hands

WIDTH = 900  # px of the animation
FRAME, HELD = 90, 1800  # ms that a frame is shown, and the last one
MOST = 1_500_000  # bytes
MOVES = 5  # of the mouse, between two corners of a stroke


class Film:
    """Frames of a stage with the real time since the first of them."""

    def __init__(self, stage):
        self.stage, self.frames, self.times = stage, [], []
        self.begin = time.monotonic()
        self.font = ImageFont.load_default(18)

    def take(self, shown=FRAME):
        """One frame; where nothing changed, the last one stays longer."""
        frame = Image.fromarray(self.stage.frame())
        frame = frame.resize((WIDTH, round(frame.height * WIDTH / frame.width)), Image.LANCZOS)
        draw = ImageDraw.Draw(frame)
        seconds = time.monotonic() - self.begin
        corner = (0.29 * frame.width, frame.height - 52)  # of the canvas
        text = {"font": self.font, "fill": "white", "stroke_width": 2, "stroke_fill": "black"}
        draw.text(corner, f"{seconds:.0f} s", **text)
        if self.frames and np.array_equal(np.asarray(frame), np.asarray(self.frames[-1])):
            self.times[-1] += shown
            return
        self.frames.append(frame)
        self.times.append(shown)

    def paint(self, number, *points):
        """A stroke, with frames of it."""
        stage = self.stage
        stage.studio.roster.select(number)
        layer, native = stage.studio.desk.active.paint, hands.canvas(stage.viewer)
        at = [hands.pixel(stage.viewer, layer, p) for p in along(points)]
        QTest.mouseMove(native, at[0])
        QTest.mousePress(native, hands.LEFT, pos=at[0])
        for count, place in enumerate(at):
            QTest.mouseMove(native, place)
            hands.rest(15)
            if count % MOVES == MOVES - 1:
                self.take()
        QTest.mouseRelease(native, hands.LEFT, pos=at[-1])
        self.take()

    def watch(self, true, seconds, every=0.25, shown=FRAME):
        """Frames until something is true, or for so many seconds."""
        end = time.monotonic() + seconds
        while not true() and time.monotonic() < end:
            hands.rest(round(1000 * every))
            self.take(shown)

    def save(self, path):
        """As WebP, the best quality that is small enough."""
        self.times[-1] = HELD
        for quality in (75, 60, 45, 30, 15):
            self.frames[0].save(
                path, save_all=True, append_images=self.frames[1:], duration=self.times, loop=0,
                quality=quality, method=4,
            )  # fmt: skip
            if path.stat().st_size <= MOST:
                return
        sys.exit(f"animation: {path} is larger than {MOST:,} bytes")


def along(points):
    """Places on the line through some points."""
    parts = [np.linspace(a, b, MOVES) for a, b in pairwise(points)]
    return np.concatenate(parts)


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("out", type=Path)
    options.add_argument("--seconds", type=float, default=30, help="of training")
    chosen = options.parse_args()
    stage = Stage(size=(1200, 800))
    stage.open_tissue()
    film = Film(stage)
    film.take(800)
    for number, *points in STROKES:
        film.paint(number, *points)
    film.watch(lambda: stage.studio.lesson.report.answered and stage.prediction.all(), 120)
    film.take(1200)
    stage.panel.training.train.click()
    film.watch(lambda: False, chosen.seconds / 2, every=1)
    film.paint(*CORRECTION)
    film.watch(lambda: False, chosen.seconds / 2, every=1)
    stage.put_down()
    stage.panel.results.segment.click()
    film.watch(lambda: "tissue segmentation" in stage.viewer.layers, 120, every=0.5)
    film.take()
    film.save(chosen.out)
    stage.close()


main()
