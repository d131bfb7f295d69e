"""A writer that is killed with SIGKILL, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from napari_unet.core.project.recovery import open_project

WRITER = """
import sys
from pathlib import Path
import numpy as np
from napari_unet.core.annotations import Annotations
from napari_unet.core.project.folder import ProjectFolder
from napari_unet.core.project.manifest import Manifest
from napari_unet.core.project.record import Record

folder, record, dice = ProjectFolder.create(Path(sys.argv[1])), Record(), np.random.default_rng(0)
folder.save(Manifest())
plane = np.zeros((300, 300), np.uint8)
for number in range(1, 100_000):
    y, x = dice.integers(0, 280, 2)
    plane[y : y + 9, x : x + 9] = dice.integers(0, 4)
    plane[number // 300 % 300, number % 300] = 1 + number % 200
    folder.append([record.taken(record.painted((1, ()), Annotations.of(plane)), float(number))])
    print(number, flush=True)
    if number % 7 == 0:
        folder.snapshot(number, record.work.planes, ())
        folder.save(Manifest())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
@pytest.mark.parametrize("strokes", [1, 40, 150])
def test_what_was_said_to_be_saved_is_there(tmp_path, strokes):
    path = tmp_path / "project"
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
    said = 0
    while said < strokes:
        said = int(writer.stdout.readline())
    writer.kill()
    said = int((writer.stdout.read().split() or [said])[-1])
    writer.wait()
    writer.stdout.close()
    opened = open_project(path)
    opened.folder.close()
    done = len(opened.record.history.done)
    assert said <= done <= said + 1


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_the_lock_of_a_killed_process_is_gone(tmp_path):
    path = tmp_path / "project"
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
    writer.stdout.readline()
    os.kill(writer.pid, 9)
    writer.wait()
    writer.stdout.close()
    open_project(path).folder.close()
