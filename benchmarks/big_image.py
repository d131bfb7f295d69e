"""Memory at a slide of 100,000 × 100,000 px: strokes in two places, predictions of what is seen.

The slide is made up, lazily and with levels, as a viewer gets one from a file. Prints for each
step how long it took, and how much memory (resident, MB) the window and the engine take.
Without a screen:  xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/big_image.py
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

os.environ["NAPARI_CONFIG"] = str(Path(tempfile.mkdtemp()) / "settings.yaml")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "widgets"))

import dask.array as da
import napari
import numpy as np
import psutil
from hands import paint
from qtpy.QtTest import QTest

from napari_unet.widgets import keeper
from napari_unet.widgets.panel import AnnotatePanel

CHUNK = 1024
_ENGINE = "import os; os.nice = lambda _: 0; from napari_unet.engine.worker import main; main()"
PERIOD, RADIUS = 90, 28  # px: disks on a grid, half of them brighter


def block(step, block_info=None):
    """Pixels of one chunk: every `step`-th of the slide."""
    (top, bottom), (left, right) = block_info[None]["array-location"]
    y = (np.arange(top, bottom, dtype=np.int64) * step)[:, None]
    x = (np.arange(left, right, dtype=np.int64) * step)[None]
    inside = np.hypot(y % PERIOD - PERIOD / 2, x % PERIOD - PERIOD / 2) < RADIUS
    bright = ((y // PERIOD) * 7 + (x // PERIOD) * 13) % 2 == 0
    noise = ((y * 2654435761 + x * 40503) >> 7) % 23
    return (40 + 60 * inside + 60 * (inside & bright) + noise).astype(np.uint8)


def slide(side):
    """Levels of a made-up slide, the finest first."""
    levels, step = [], 1
    while True:
        length = -(-side // step)
        chunks = tuple(min(CHUNK, length - at) for at in range(0, length, CHUNK))
        levels.append(da.map_blocks(block, step, chunks=(chunks, chunks), dtype=np.uint8))
        if length <= 2 * CHUNK:
            return levels
        step *= 2


def memory(pid):
    """Resident memory now and at its highest, MB."""
    now = psutil.Process(pid).memory_info().rss / 1e6
    status = Path(f"/proc/{pid}/status")
    peak = now
    if status.exists():
        line = next(s for s in status.read_text().splitlines() if s.startswith("VmHWM"))
        peak = int(line.split()[1]) / 1e3
    return {"now": round(now), "peak": round(peak)}


class Run:
    """One session with the real engine."""

    def __init__(self, side):
        self.side = side
        self.viewer = napari.Viewer()
        self.viewer.window._qt_window.resize(1500, 950)
        self.viewer.add_image(slide(side), name="slide", contrast_limits=(0, 200))
        self.panel = AnnotatePanel(self.viewer)
        self.viewer.window.add_dock_widget(self.panel, area="right")
        self.studio = self.panel.studio
        self.wait(lambda: self.studio.desk.active is not None)
        self.wait(lambda: self.studio.lesson.report.device)

    def wait(self, ready, seconds=900):
        """Until something is so."""
        start = time.perf_counter()
        while not ready():
            if time.perf_counter() - start > seconds:
                raise TimeoutError(self.studio.lesson.notice)
            QTest.qWait(50)
        return time.perf_counter() - start

    def look(self, y, x, zoom=2.0):
        """Put a place into the middle of the view."""
        camera = getattr(self.viewer, "scene", self.viewer).camera
        camera.center, camera.zoom = (y, x), zoom
        QTest.qWait(600)

    def stroke(self, number, y, x, height, width):
        """Paint a rectangle, in px of the slide."""
        top, left = self.studio.desk.active.strokes.easel.origin
        paint(self.studio, number, np.s_[y - top : y - top + height, x - left : x - left + width])
        QTest.qWait(300)

    def annotate(self, row, column):
        """Strokes on a disk of each kind and on the ground beside them; disks are numbered."""
        y, x = row * PERIOD, column * PERIOD
        self.look(y, x)
        self.stroke(2, y + 40, x + 35, 8, 20)
        self.stroke(2, y + 40, x + 35 + PERIOD, 8, 20)
        self.stroke(1, y - 4, x - 40, 6, 80)

    def seen(self, y, x, half=200):
        """Whether all around a place is predicted."""
        level = self.studio.desk.active.prediction.data[0]
        return bool(np.asarray(level[y - half : y + half, x - half : x + half]).all())

    def told(self, step, seconds):
        """Print how things stand."""
        window, engine = memory(os.getpid()), memory(self.studio.keeper.process_id)
        print(json.dumps({"step": step, "s": round(seconds, 1), "window": window,
                          "engine": engine}), flush=True)  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=100_000)
    parser.add_argument("--train", type=float, default=20, help="seconds of fine-tuning")
    parser.add_argument("--shot", type=Path, help="picture of the window at the end")
    parser.add_argument(
        "--same-priority", action="store_true", help="on a busy machine, or the engine starves"
    )
    options = parser.parse_args()
    if options.same_priority:
        keeper.engine_command = [sys.executable, "-P", "-c", _ENGINE]
    run = Run(options.side)
    run.told("open", 0)
    middle, far = options.side // PERIOD // 2, int(options.side / PERIOD * 0.9)
    start = time.perf_counter()
    run.annotate(middle, middle)
    run.wait(lambda: run.studio.lesson.report.answered)
    run.told("first answer", time.perf_counter() - start)
    run.told("seen", run.wait(lambda: run.seen(middle * PERIOD, middle * PERIOD)))
    run.annotate(far, 20)
    run.told("elsewhere", run.wait(lambda: run.seen(far * PERIOD, 20 * PERIOD)))
    run.studio.train()
    QTest.qWait(round(options.train * 1000))
    run.told(f"trained {run.studio.lesson.report.step} steps", options.train)
    run.studio.lesson.pause()
    run.look(far * PERIOD, 20 * PERIOD)
    run.told("looked around", run.wait(lambda: run.seen(far * PERIOD, 20 * PERIOD)))
    y, x = far * PERIOD, 20 * PERIOD
    part = np.s_[y - 200 : y + 200, x - 200 : x + 200]
    found = np.asarray(run.studio.desk.active.prediction.data[0][part])
    rows, columns = np.mgrid[part] % PERIOD - PERIOD / 2
    truth = np.where(np.hypot(rows, columns) < RADIUS, 2, 1)
    print(json.dumps({"pixels right": round(float((found == truth).mean()), 3)}))
    if options.shot:
        run.viewer.window.screenshot(str(options.shot), flash=False)
    run.studio.keeper.close()
    run.viewer.close()


if __name__ == "__main__":
    main()
