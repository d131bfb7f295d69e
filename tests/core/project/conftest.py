"""A small painted project, made once and copied for each test that damages it."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from napari_unet.core.annotations import Annotations
from napari_unet.core.project import log
from napari_unet.core.project.changes import LabelClass
from napari_unet.core.project.folder import LOG, ProjectFolder
from napari_unet.core.project.manifest import ImageEntry, Manifest, Progress, Source
from napari_unet.core.project.record import Record
from napari_unet.core.project.recovery import open_project
from napari_unet.core.project.sources import copy_in

SHAPE = (300, 280)
CLASSES = (LabelClass("background", "#56b4e9"), LabelClass("cell", "#e69f00"))


@pytest.fixture(scope="session")
def painted_once(tmp_path_factory):
    """A project of 12 strokes on two planes; the paint after each stroke."""
    path = tmp_path_factory.mktemp("painted") / "project"
    folder, record, random = ProjectFolder.create(path), Record(), np.random.default_rng(0)
    source = Source("cells", (3, *SHAPE), "uint8", copy=copy_in(path, "images/1-0.npy",
                    np.zeros((3, *SHAPE), np.uint8)))  # fmt: skip
    progress = Progress(step=20, held_out=0.9, scores=((10, 0.8), (20, 0.9)))
    images = (ImageEntry(1, (source,)),)
    folder.save(Manifest(classes=CLASSES, images=images, active=1, progress=progress))
    planes = {(0,): np.zeros(SHAPE, np.uint8), (2,): np.zeros(SHAPE, np.uint8)}
    states = [{}]
    for number in range(12):
        index = ((0,), (2,))[number % 2]
        y, x = random.integers(0, 250, 2)
        planes[index][y : y + 40, x : x + 30] = number % 3
        planes[index][y + 3, x + 4] = 2
        paint = Annotations.of(planes[index], record.work.paint((1, index)))
        changes = record.painted((1, index), paint)
        changes += record.reclassed(CLASSES)
        folder.append([record.taken(changes, float(number))])
        states.append(dense(record))
    folder.snapshot(8, _at(path, 8), CLASSES)
    folder.close()
    return SimpleNamespace(path=path, states=states)


@pytest.fixture
def painted(painted_once, tmp_path):
    """A copy of that project."""
    path = tmp_path / "project"
    shutil.copytree(painted_once.path, path)
    return SimpleNamespace(path=path, states=painted_once.states)


def dense(record):
    """All paint as arrays."""
    return {plane: paint.dense() for plane, paint in record.work.planes.items()}


@pytest.fixture
def reopened():
    """Open a project, close it again, and give back what was there."""

    def reopen(path):
        opened = open_project(path)
        opened.folder.close()
        return opened

    return reopen


def _at(path, entries):
    """The planes after so many entries of the log."""
    record, all_entries = Record(), []
    log.read(path / LOG, all_entries.append)
    for entry in all_entries[:entries]:
        record.follow(entry)
    return record.work.planes
