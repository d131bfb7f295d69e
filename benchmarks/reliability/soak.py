"""An hour of work in a real window: does memory grow, do threads stay, is the window fluid?

    xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/reliability/soak.py --minutes 60

A script paints with mouse events on two images and a stack, erases, undoes and redoes (napari's
way and the project's), switches images and slices, starts and pauses training, shows and hides
the probability of a class, saves the model, and saves the project to other places. Each minute it
notes the memory of window and engine (mean of once a second), their threads, and the delays of a
10 ms timer in the window. Every five minutes all that was learnt is forgotten and learnt anew.
Then, before training begins again, the hand rests until nothing is computed: memory at rest in the
same state, with an answer on all planes, is what tells whether any is lost. At work it depends on
what is cached, on how many networks are compared, and on how busy the machine is. At last the
window is closed, and whatever still runs is counted. Linux only (/proc).
"""

# ruff: noqa: E402, S311, SLF001 - settings and paths first; dice are no secrets; the window's size
from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import threading
import time
from array import array
from pathlib import Path

WORK = Path(tempfile.mkdtemp(prefix="napari-unet-soak-"))
os.environ["NAPARI_CONFIG"] = str(WORK / "settings.yaml")
os.environ["NAPARI_UNET_DATA"] = str(WORK / "data")
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "widgets"))

import napari
import numpy as np
from hands import LEFT, canvas, pixel
from qtpy.QtCore import Qt, QTimer
from qtpy.QtTest import QTest
from skimage import data

from napari_unet.widgets.panel import AnnotatePanel

TICK = 10  # ms
MOVES = 60  # of the mouse, a second
ROUND = 5  # minutes after which all is learnt anew
WARM = 10  # minutes that do not count for growth
RESTED, IDLE = 3, 0.03  # s one after the other, in each of which the engine computes so few s
MOST_GROWTH, MOST_DELAY = 0.05, 100.0  # share; ms


class Jitter:
    """Delays of a precise timer, ms; four bytes each, as they are weighed with the window."""

    def __init__(self):
        self.all, self.minute = array("f"), array("f")
        self._last = time.perf_counter()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._timer.start(TICK)

    def take(self):
        """Of the last minute."""
        minute, self.minute = self.minute, array("f")
        self.all.extend(minute)
        return minute

    def stop(self):
        self._timer.stop()

    def _tick(self):
        now = time.perf_counter()
        self.minute.append(max(0.0, (now - self._last) * 1000 - TICK))
        self._last = now


def spread(delays):
    """p50, p95, p99 and the largest of some delays."""
    p50, p95, p99 = np.percentile(delays, (50, 95, 99)) if len(delays) else (0, 0, 0)
    return {
        "p50_ms": round(float(p50), 2),
        "p95_ms": round(float(p95), 2),
        "p99_ms": round(float(p99), 2),
        "max_ms": round(max(delays, default=0), 1),
    }


def status(pid):
    """Resident memory in MB and number of threads of a process."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0, 0
    fields = dict(line.split(":", 1) for line in text.splitlines())
    return int(fields["VmRSS"].split()[0]) / 1024, int(fields["Threads"])


def cpu(pid):
    """Seconds that a process has computed."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# -- what the script does -------------------------------------------------------------------


class User:
    """Works in the window; now and then looks what the network makes of it."""

    def __init__(self, viewer, studio, images, dice):
        self.viewer, self.studio, self.images, self.dice = viewer, studio, images, dice
        self.done = dict.fromkeys(
            ("strokes", "undone", "switched", "trained", "begun", "saved", "moved"), 0
        )

    def begin(self):
        """Paint on all that there is, and show all there is to show.

        New layers cost memory here, and planes that were never looked at before in the engine.
        """
        for image in self.images:
            self.switch(image)
            for slice_ in range(len(image.data) if image.ndim > 2 else 1):
                self.viewer.dims.set_point(0, slice_)
                for number in (1, 2):
                    self.paint(number)
                QTest.qWait(500)
            for overlay in (1, 2, 0, None):
                self.studio.show_overlay(overlay)
                QTest.qWait(200)
        self.train()

    def act(self):
        """One action, and a moment of rest."""
        actions = (self.paint, self.undo, self.switch, self.train, self.look, self.save)
        self.dice.choices(actions, (60, 12, 12, 6, 6, 4))[0]()
        looks = self.dice.random() < 0.2
        QTest.qWait(self.dice.randrange(4000, 15000) if looks else self.dice.randrange(50, 600))

    def paint(self, number=None):
        """A stroke of half a second to two seconds with the mouse."""
        studio, native = self.studio, canvas(self.viewer)
        layer = studio.desk.active.paint
        number = self.dice.choice((1, 1, 2, 2, 0)) if number is None else number
        studio.roster.select(max(number, 1))
        layer.selected_label = number
        layer.brush_size = self.dice.choice((3, 8, 20))
        start, stop = self._place(layer), self._place(layer)
        moves = self.dice.randrange(30, 120)
        # a hand comes from somewhere: without that, VisPy keeps the moves of all strokes there were
        QTest.mouseMove(native, pixel(self.viewer, layer, start))
        QTest.qWait(30)
        QTest.mousePress(native, LEFT, pos=pixel(self.viewer, layer, start))
        for move in range(moves):
            at = start + (stop - start) * move / moves + 9 * np.sin((move / 9, move / 7))
            QTest.mouseMove(native, pixel(self.viewer, layer, at))
            QTest.qWait(1000 // MOVES)
        QTest.mouseRelease(native, LEFT, pos=pixel(self.viewer, layer, stop))
        self.done["strokes"] += 1

    def undo(self):
        """Back by one to four strokes, and some of them done again."""
        back, forth = self.dice.choice((
            (self.studio.project.undo, self.studio.project.redo),
            (self.studio.desk.active.paint.undo, self.studio.desk.active.paint.redo),
        ))  # fmt: skip
        for _ in range(self.dice.randrange(1, 5)):
            back()
            QTest.qWait(80)
            self.done["undone"] += 1
        for _ in range(self.dice.randrange(3)):
            forth()
            QTest.qWait(80)

    def switch(self, image=None):
        """Another image, or another slice of the stack."""
        image = image or self.dice.choice(self.images)
        self.studio.choose([image])
        for layer in self.viewer.layers:
            binding = self.studio.desk.active
            layer.visible = layer in (*binding.images, binding.paint, binding.prediction)
        self.viewer.reset_view()
        if image.ndim > 2:
            self.viewer.dims.set_point(0, self.dice.randrange(len(image.data)))
        QTest.qWait(300)
        self.done["switched"] += 1

    def train(self):
        """Start it, or pause it."""
        if self.studio.lesson.learning.name == "PAUSED" or self.dice.random() < 0.7:
            self.studio.train()
        else:
            self.studio.lesson.pause()
        self.done["trained"] += 1

    def begin_anew(self):
        """Forget what was learnt, rest, and train from nothing; MB of window and engine at rest."""
        self.studio.lesson.reset()
        self.rest()
        found = {"window_mb": status(os.getpid())[0], "engine_mb": status(self._engine)[0]}
        self.studio.train()
        self.done["begun"] += 1
        return found

    @property
    def _engine(self):
        return self.studio.keeper.process_id

    def rest(self):
        """Take the hands off until the engine has had nothing to do for a while."""
        quiet, before = 0, cpu(self._engine)
        while quiet < RESTED:
            QTest.qWait(1000)
            now = cpu(self._engine)
            quiet = quiet + 1 if now - before < IDLE else 0
            before = now

    def look(self):
        """The probability of a class, where it is unsure, or neither."""
        self.studio.show_overlay(self.dice.choice((None, 1, 2, 0)))

    def save(self):
        """The model; sometimes the project, to another place."""
        self.studio.lesson.save(WORK / "model.safetensors")
        self.done["saved"] += 1
        if self.dice.random() < 0.2:
            self.studio.project.save_as(WORK / f"project-{self.done['moved']}")
            self.done["moved"] += 1

    def _place(self, layer):
        size = np.asarray(layer.data.shape[-2:])
        return size * (0.15 + 0.7 * np.asarray((self.dice.random(), self.dice.random())))


def window(size):
    """A viewer with a panel and three images, painted so that there is something to learn."""
    viewer = napari.Viewer()
    before = set(threading.enumerate())
    coins = data.coins()[:256, :320]  # small, so that much happens in an hour
    stack = np.stack([np.roll(coins, 17 * k, axis=1) for k in range(6)])
    images = [
        viewer.add_image(data.cell()[280:600, 100:420], name="cell"),
        viewer.add_image(coins, name="coins"),
        viewer.add_image(stack, name="stack"),
    ]
    panel = AnnotatePanel(viewer)
    viewer.window.add_dock_widget(panel)
    for dock in (
        viewer.window._qt_viewer.dockLayerList,
        viewer.window._qt_viewer.dockLayerControls,
    ):
        dock.hide()
    viewer.window._qt_window.resize(*size)
    studio = panel.studio
    while not studio.lesson.report.device:
        QTest.qWait(100)
    return viewer, studio, images, before


class Scales:
    """Weighs window and engine each second: what a training step needs comes and goes."""

    def __init__(self, studio):
        self._studio, self._weights = studio, []
        self._timer = QTimer()
        self._timer.timeout.connect(self._weigh)
        self._timer.start(1000)

    def take(self):
        """Mean MB of the window and of the engine in the last minute."""
        self._weigh()
        weights, self._weights = self._weights, []
        return np.mean(weights, axis=0)

    def _weigh(self):
        pids = os.getpid(), self._studio.keeper.process_id
        self._weights.append([status(pid)[0] for pid in pids])


def minute_of(number, studio, jitter, scales):
    """What is noted each minute."""
    (window_mb, engine_mb), window_threads = scales.take(), status(os.getpid())[1]
    engine_threads = status(studio.keeper.process_id)[1]
    return {
        "minute": number,
        "window_mb": round(float(window_mb), 1),
        "engine_mb": round(float(engine_mb), 1),
        "window_threads": window_threads,
        "engine_threads": engine_threads,
        "steps": studio.lesson.report.step,
        "score": studio.lesson.report.held_out,
        "notice": studio.lesson.notice,
        **spread(jitter.take()),
    }


def growth(minutes, key, warm, summary=np.mean):
    """How much more memory the last minutes need than the first ones after warming up."""
    counted = [m[key] for m in minutes if m["minute"] > warm]
    part = max(1, len(counted) // 5)
    return float(summary(counted[-part:]) / summary(counted[:part]) - 1)


def verdict(minutes, rests, jitter, left, warm):
    """What is to be shown, and whether it was."""
    after = [m for m in minutes if m["minute"] > warm]
    at_work = {key: growth(minutes, key, warm) for key in ("window_mb", "engine_mb")}
    rests = rests[max(0, int(warm / ROUND) - 1) :]
    at_rest = {key: rests[-1][key] / rests[0][key] - 1 for key in at_work} if rests else at_work
    threads = {
        key: after[-1][key] - max(m[key] for m in after[: max(1, len(after) // 5)])
        for key in ("window_threads", "engine_threads")
    }
    delays = spread(jitter.all)
    fine = {
        "memory": max(*at_rest.values(), *at_work.values()) < MOST_GROWTH,
        "threads": not left and all(value <= 0 for value in threads.values()),
        "fluid": delays["p99_ms"] < MOST_DELAY,
    }
    return {
        "growth_at_rest": {key: round(value, 4) for key, value in at_rest.items()},
        "growth_at_work": {key: round(value, 4) for key, value in at_work.items()},
        "more_threads": threads, "left": left, "delays": delays, **fine,
    }  # fmt: skip


def close(viewer, studio, before):
    """Close the window; names of threads, and processes, that do not end within 15 s."""
    pid, began, left = studio.keeper.process_id, time.monotonic(), ["?"]
    viewer.close()
    print(json.dumps({"closing_took_s": round(time.monotonic() - began, 1)}), flush=True)
    began = time.monotonic()
    while left and time.monotonic() - began < 15:
        QTest.qWait(100)
        left = sorted(thread.name for thread in set(threading.enumerate()) - before)
        left += [f"engine {pid}"] if Path(f"/proc/{pid}").exists() else []
    print(json.dumps({"ended_after_s": round(time.monotonic() - began, 1)}), flush=True)
    return left


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--minutes", type=float, default=60)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--out", type=Path, default=Path("soak.json"))
    options.add_argument(
        "--size", type=int, nargs=2, default=(700, 330), help="of the window, panel included"
    )
    chosen = options.parse_args()
    viewer, studio, images, before = window(chosen.size)
    user = User(viewer, studio, images, random.Random(chosen.seed))
    user.begin()
    jitter, scales, minutes, rests, began = Jitter(), Scales(studio), [], [], time.monotonic()
    warm = min(WARM, chosen.minutes / 3)

    def note(left=()):
        ended = verdict(minutes, rests, jitter, list(left), warm) if len(minutes) > warm else {}
        found = {"did": user.done, "minutes": minutes, "rests": rests, "verdict": ended}
        chosen.out.write_text(json.dumps(found, indent=1))
        return ended

    while len(minutes) < chosen.minutes:
        while time.monotonic() - began < 60 * (len(minutes) + 1):
            user.act()
        minutes.append(minute_of(len(minutes) + 1, studio, jitter, scales))
        print(json.dumps(minutes[-1]), flush=True)
        if len(minutes) % ROUND == 0:
            rests.append(user.begin_anew())
            print(json.dumps({"at rest": rests[-1]}), flush=True)
        note()
    jitter.stop()
    ended = note(close(viewer, studio, before))
    print(json.dumps({"did": user.done, **ended}, indent=1), flush=True)
    if not (ended["memory"] and ended["threads"] and ended["fluid"]):
        raise SystemExit(1)


main()
