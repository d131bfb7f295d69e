"""A project can ask for no more memory than there is."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from msgspec.structs import replace

from napari_unet.core.annotations import BLOCK, Annotations, Block
from napari_unet.core.project import room
from napari_unet.core.project.changes import Entry, difference
from napari_unet.core.project.errors import ProjectError
from napari_unet.core.project.folder import LOG, SNAPSHOT, ProjectFolder, locked
from napari_unet.core.project.manifest import Manifest
from napari_unet.core.project.recovery import open_project

FULL = np.ones((BLOCK, BLOCK), np.uint8)
SIDE = 40 * BLOCK


@pytest.fixture
def little_memory(monkeypatch):
    """So little is free that no more than 16 blocks are allowed."""
    monkeypatch.setattr(room, "_LEAST", 0)
    free = SimpleNamespace(available=3 * 16 * (BLOCK * BLOCK + 1024))
    monkeypatch.setattr(room.psutil, "virtual_memory", lambda: free)


def logged(path, places):
    (change,) = difference((1, ()), None, Annotations.of(FULL))
    at = [replace(change, shape=(SIDE, SIDE), y=y * BLOCK, x=x * BLOCK) for y, x in places]
    folder = ProjectFolder.create(path)
    folder.save(Manifest())
    folder.append([Entry(float(n), (one,)) for n, one in enumerate(at)])
    folder.close()


def saved(path, count):
    folder = ProjectFolder.create(path)
    folder.save(Manifest())
    blocks = tuple(Block(0, BLOCK * n, FULL) for n in range(count))
    folder.snapshot(5, {(1, ()): Annotations((SIDE, SIDE), blocks)}, ())
    folder.close()


@pytest.mark.usefixtures("little_memory")
def test_a_log_of_more_paint_than_there_is_memory_is_refused_and_left_as_it_is(tmp_path):
    path = tmp_path / "p"
    logged(path, [(n // 8, n % 8) for n in range(17)])
    before = (path / LOG).read_bytes()
    with pytest.raises(ProjectError, match="a machine with more memory"):
        open_project(path)
    assert (path / LOG).read_bytes() == before
    assert not (path / "damaged").exists()
    locked(path).release()  # nobody holds it any more


@pytest.mark.usefixtures("little_memory")
def test_many_strokes_on_the_same_place_take_the_memory_of_one(tmp_path):
    logged(tmp_path / "p", [(n % 4, n % 4) for n in range(60)])
    opened = open_project(tmp_path / "p")
    opened.folder.close()
    assert len(opened.record.work.planes[1, ()].blocks) == 4


@pytest.mark.usefixtures("little_memory")
def test_a_snapshot_of_more_paint_than_there_is_memory_is_refused(tmp_path):
    saved(tmp_path / "much", 17)
    with pytest.raises(ProjectError, match="a machine with more memory"):
        open_project(tmp_path / "much")
    assert (tmp_path / "much" / SNAPSHOT).is_file()
    saved(tmp_path / "less", 16)
    open_project(tmp_path / "less").folder.close()
