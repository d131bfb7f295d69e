from __future__ import annotations

import numpy as np
import pytest

from napari_unet.core.annotations import Annotations
from napari_unet.core.project import shelf
from napari_unet.core.project.folder import ProjectFolder
from napari_unet.core.project.manifest import ImageEntry, Manifest, Source
from napari_unet.core.project.record import Record


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("NAPARI_UNET_DATA", str(tmp_path / "data"))


def begin(*, stroke=True):
    folder = ProjectFolder.create(shelf.new_place())
    folder.save(Manifest(images=(ImageEntry(1, (Source("cells", (9, 9), "uint8"),)),)))
    if stroke:
        record = Record()
        changes = record.painted((1, ()), Annotations.of(np.eye(9, dtype=np.uint8)))
        folder.append([record.taken(changes, 0.0)])
    return folder


def test_unsaved_strokes_are_found_once_nobody_has_them_open():
    folder = begin()
    assert shelf.is_unsaved(folder.path)
    assert shelf.unsaved() == []
    folder.close()
    (found,) = shelf.unsaved()
    assert found.path == folder.path
    assert found.images == ("cells",)


def test_two_windows_have_two_places():
    assert shelf.new_place() != shelf.new_place()


def test_without_a_stroke_nothing_is_offered():
    begin(stroke=False).close()
    assert shelf.unsaved() == []


def test_discarded_strokes_are_kept():
    folder = begin()
    folder.close()
    kept = shelf.discard(folder.path)
    assert shelf.unsaved() == []
    assert (kept / "strokes.log").stat().st_size > 8


def test_damaged_ones_are_not_offered_and_do_no_harm():
    folder = begin()
    folder.close()
    for name in ("project.json", "project.backup.json"):
        (folder.path / name).write_bytes(b"{")
    assert shelf.unsaved() == []


def test_recent_projects_the_last_one_first(tmp_path):
    paths = [tmp_path / name for name in "abc"]
    for path in paths:
        path.mkdir()
        (path / "project.json").touch()
        shelf.remember(path)
    shelf.remember(paths[1])
    assert shelf.recent() == [paths[1], paths[2], paths[0]]
    (paths[2] / "project.json").unlink()
    assert shelf.recent() == [paths[1], paths[0]]


def test_a_damaged_list_is_no_list(tmp_path):
    shelf.data_folder().mkdir()
    (shelf.data_folder() / "recent.json").write_bytes(b"[1, 2")
    assert shelf.recent() == []
