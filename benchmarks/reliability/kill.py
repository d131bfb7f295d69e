"""Kills a painting session again and again, and counts strokes that were lost.

    python benchmarks/reliability/kill.py --repeats 200

Each repeat is a process of its own that paints, erases, undoes, redoes, changes planes and classes
and learns models, through the very code that the panel uses (layers, studio, project; without a
window and an engine). It is killed with SIGKILL at a random moment. Then its project is opened:
the paint on each plane must be exactly as it was after one of the actions, and the first action
after that must not be older than two seconds before the kill. Linux and macOS only.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import select
import shutil
import signal
import tempfile
import time
import zlib
from collections import Counter
from pathlib import Path

import numpy as np

GRACE = 2.0  # s
SHAPE = (3, 700, 900)


def session(seed: int, out: int) -> None:
    """Paint until killed; after each action its time and the paint's checksum go to `out`."""
    from napari.components import ViewerModel
    from qtpy.QtCore import QCoreApplication

    from napari_unet.widgets import project_models
    from napari_unet.widgets.studio import Studio

    project_models._PAUSE = 700  # noqa: SLF001 - as often as strokes, to be killed in the middle of it too
    app, viewer, dice = QCoreApplication([]), ViewerModel(), random.Random(seed)  # noqa: S311
    studio = Studio(viewer)
    viewer.add_image(np.zeros(SHAPE, np.uint8), name="cells")
    studio.choose([viewer.layers["cells"]])
    layer = studio.desk.active.paint
    while True:
        act(studio, viewer, layer, dice)
        said = {"time": time.time(), "planes": checksums(layer.data)}
        os.write(out, json.dumps(said).encode() + b"\n")
        until = time.monotonic() + dice.choice((0.02, 0.05, 0.15, 0.4))
        while time.monotonic() < until:
            app.processEvents()
            time.sleep(0.002)


def checksums(data) -> list[int]:
    """One for each plane."""
    return [zlib.crc32(plane.tobytes()) for plane in data]


def act(studio, viewer, layer, dice) -> None:
    """One action of the user."""
    chance = dice.random()
    if chance < 0.08:
        studio.project.undo()
    elif chance < 0.12:
        studio.project.redo()
    elif chance < 0.16:
        layer.undo()
    elif chance < 0.18 and len(studio.roster.classes) < 6:
        studio.roster.set(studio.roster.classes.grown(len(studio.roster.classes) + 1))
    elif chance < 0.19 and len(studio.roster.classes) > 2:
        studio.roster.remove(dice.randint(1, len(studio.roster.classes)))
    elif chance < 0.22:
        studio.lesson.learnt.emit(os.urandom(3_000_000))
    else:
        if dice.random() < 0.3:
            viewer.dims.set_point(0, dice.randrange(SHAPE[0]))
        index = studio.desk.active.strokes.current
        layer.selected_label = dice.randint(0, len(studio.roster.classes))
        layer.brush_size = dice.choice((3, 10, 40))
        y, x = dice.randrange(SHAPE[1]), dice.randrange(SHAPE[2])
        for step in range(dice.randint(1, 12)):
            layer.paint((*index, y + 4 * step, x + 3 * step), layer.selected_label, refresh=False)
        layer.refresh()


def kill_one(seed: int, longest: float) -> tuple[list[dict], float]:
    """What a session said until it was killed, and when that was."""
    into, out = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(into)
            session(seed, out)
        finally:
            os._exit(1)
    os.close(out)
    said, after = b"", np.random.default_rng(seed).uniform(0.05, longest)
    end = None
    while end is None or time.monotonic() < end:
        if select.select([into], [], [], 0.005)[0]:
            piece = os.read(into, 65536)
            if not piece:
                raise SystemExit("the session ended by itself")
            said += piece
            end = end or time.monotonic() + after
    os.kill(child, signal.SIGKILL)
    killed = time.time()
    os.waitpid(child, 0)
    while piece := os.read(into, 65536):
        said += piece
    os.close(into)
    return [json.loads(line) for line in said.splitlines()], killed


def examine(data: Path, said: list[dict], killed: float) -> tuple[str, float]:
    """What became of a killed session, and how old its newest missing action was, s."""
    from napari_unet.core.project.errors import ProjectError
    from napari_unet.core.project.recovery import open_project

    paint, found = np.zeros(SHAPE, np.uint8), list((data / "unsaved").glob("*"))
    told = False
    if found and (found[0] / "strokes.log").exists():
        try:
            opened = open_project(found[0])
        except ProjectError as error:
            return f"unreadable: {error}", 0.0
        opened.folder.close()
        told = bool(opened.told)
        for (_, (z,)), plane in opened.record.work.planes.items():
            paint[z] = plane.dense()
    age = 0.0
    for z, checksum in enumerate(checksums(paint)):
        states = [zlib.crc32(bytes(paint[z].size)), *(one["planes"][z] for one in said)]
        if checksum not in states:
            return "wrong paint", 0.0
        last = len(states) - 1 - states[::-1].index(checksum)  # actions that are there
        if last < len(said):
            age = max(age, killed - said[last]["time"])
    if age > GRACE:
        return "lost a stroke older than 2 s", age
    return ("whole, a half-written record set aside" if told else "whole"), age


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--longest", type=float, default=6.0, help="s of painting at most")
    parser.add_argument("--minutes", type=float, default=120.0, help="stop after so long")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    import napari_unet.core.project.recovery
    import napari_unet.widgets.studio  # noqa: F401 - so that each child need not

    outcomes: Counter[str] = Counter()
    ages, actions, end = [0.0], 0, time.monotonic() + 60 * arguments.minutes
    for seed in range(arguments.seed, arguments.seed + arguments.repeats):
        if time.monotonic() > end:
            break
        data = Path(tempfile.mkdtemp(prefix="napari-unet-kill-"))
        os.environ["NAPARI_UNET_DATA"] = str(data)
        said, killed = kill_one(seed, arguments.longest)
        outcome, age = examine(data, said, killed)
        outcomes[outcome] += 1
        ages.append(age)
        actions += len(said)
        if not outcome.startswith("whole"):
            print(f"seed {seed}: {outcome}, {age:.2f} s, kept in {data}", flush=True)
        else:
            shutil.rmtree(data)
    for outcome, count in outcomes.most_common():
        print(f"{count:5d}  {outcome}")
    print(f"{actions} actions in all; the oldest one lost was {max(ages):.2f} s old, "
          f"median {np.median(ages):.2f} s")  # fmt: skip
    if any(not outcome.startswith("whole") for outcome in outcomes):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
