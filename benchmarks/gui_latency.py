"""How fluid painting stays: jitter of a 10 ms timer while a mouse paints 60 times a second.

Two rounds in one viewer with the real engine: before Train is pressed, and while it trains.
Prints p50, p95 and the largest delay in ms, and how many mouse moves a second came through.
Without a screen:  xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/gui_latency.py
"""

# ruff: noqa: E402, SLF001 - settings and paths first; the window has no public size
from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

WORK = Path(tempfile.mkdtemp())
os.environ["NAPARI_CONFIG"] = str(WORK / "settings.yaml")
os.environ["NAPARI_UNET_DATA"] = str(WORK / "data")  # what is painted is no work of the user's
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "widgets"))

import napari
import numpy as np
from hands import LEFT, canvas, pixel, stroke
from qtpy.QtCore import Qt, QTimer
from qtpy.QtTest import QTest
from skimage import data

from napari_unet.widgets.panel import AnnotatePanel

TICK = 10  # ms
MOVES = 60  # a second
STROKE = 120  # moves in one stroke


class Jitter:
    """Delays of a precise timer, ms."""

    def __init__(self):
        self.delays = []
        self._last = None
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)

    def start(self):
        self._last = time.perf_counter()
        self._timer.start(TICK)

    def stop(self):
        self._timer.stop()

    def _tick(self):
        now = time.perf_counter()
        self.delays.append(max(0.0, (now - self._last) * 1000 - TICK))
        self._last = now


def paint(viewer, studio, seconds):
    """Wander over the image with the button down; the number of moves that were made."""
    native, layer = canvas(viewer), studio.desk.active.paint
    side = min(layer.data.shape)
    began, moves = time.perf_counter(), 0
    while (now := time.perf_counter() - began) < seconds:
        at = pixel(viewer, layer, _wander(moves, side))
        if moves % STROKE == 0:
            QTest.mousePress(native, LEFT, pos=at)
        QTest.mouseMove(native, at)
        moves += 1
        if moves % STROKE == 0:
            QTest.mouseRelease(native, LEFT, pos=at)
            studio.roster.select(1 + moves // STROKE % 2)
        QTest.qWait(max(0, round((moves / MOVES - now) * 1000)))
    QTest.mouseRelease(native, LEFT, pos=pixel(viewer, layer, _wander(moves, side)))
    return moves


def _wander(move, side):
    t = move / 90
    return side * (0.5 + 0.3 * np.sin(3 * t)), side * (0.5 + 0.3 * np.sin(2 * t + 1))


def measure(name, viewer, studio, seconds):
    jitter = Jitter()
    jitter.start()
    moves = paint(viewer, studio, seconds)
    jitter.stop()
    p50, p95 = np.percentile(jitter.delays, (50, 95))
    return {
        "round": name,
        "p50_ms": round(float(p50), 2),
        "p95_ms": round(float(p95), 2),
        "max_ms": round(max(jitter.delays), 1),
        "moves_per_s": round(moves / seconds, 1),
        "steps": studio.lesson.report.step,
    }


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seconds", type=float, default=20, help="of painting in each round")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument(
        "--size",
        type=int,
        nargs=2,
        default=(700, 330),
        help="of the window, panel included; small by default, because without a graphics card "
        "drawing alone takes longer than all else",
    )
    chosen = options.parse_args()

    viewer = napari.Viewer()
    viewer.add_image(data.cell(), name="cell")
    panel = AnnotatePanel(viewer)
    viewer.window.add_dock_widget(panel)
    for dock in (
        viewer.window._qt_viewer.dockLayerList,
        viewer.window._qt_viewer.dockLayerControls,
    ):
        dock.hide()
    viewer.window._qt_window.resize(*chosen.size)
    QTest.qWait(500)
    viewer.reset_view()
    native = canvas(viewer)
    print(json.dumps({"canvas": [native.width(), native.height()]}), flush=True)
    studio = panel.studio
    while not (studio.desk.active and studio.lesson.report.device):
        QTest.qWait(100)
    layer = studio.desk.active.paint
    for number, start, stop in ((1, (120, 80), (200, 260)), (2, (345, 400), (400, 435))):
        studio.roster.select(number)
        stroke(viewer, layer, start, stop)
    while not studio.lesson.report.answered:
        QTest.qWait(100)
    QTest.qWait(5000)
    for _ in range(chosen.rounds):
        studio.lesson.pause()
        QTest.qWait(1000)
        print(json.dumps(measure("without training", viewer, studio, chosen.seconds)), flush=True)
        studio.train()
        QTest.qWait(2000)
        print(json.dumps(measure("training", viewer, studio, chosen.seconds)), flush=True)
    viewer.close()


main()
