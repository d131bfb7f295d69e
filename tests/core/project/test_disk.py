"""What is on the disk, and when: as it matters where power is lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from napari_unet.core.project import disk
from napari_unet.core.project.changes import Entry
from napari_unet.core.project.folder import ProjectFolder
from napari_unet.core.project.log import StrokeLog

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks into /proc")


@pytest.fixture
def synced(monkeypatch):
    """Each file or folder that the system was told to put on the disk, and what was there then."""
    seen = []

    def fsync(handle):
        path = Path(f"/proc/self/fd/{handle}").resolve()
        seen.append(
            (path, path.read_bytes() if path.is_file() else {p.name for p in path.iterdir()})
        )

    monkeypatch.setattr(os, "fsync", fsync)
    return seen


def test_an_entry_is_on_the_disk_before_it_counts(tmp_path, synced):
    log = StrokeLog(tmp_path / "strokes.log")
    log.append([Entry(1.0, ())])
    assert synced == [(log.path, log.path.read_bytes()), (tmp_path, {"strokes.log"})]
    synced.clear()
    log.append([Entry(2.0, ())])
    assert synced == [(log.path, log.path.read_bytes())]


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path, synced):
    path = tmp_path / "project.json"
    path.write_bytes(b"old")
    disk.write(path, b"new")
    (part, content), (folder, names) = synced
    assert part.name != path.name
    assert content == b"new"
    assert (folder, names) == (tmp_path, {"project.json"})


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "project.json"
    path.write_bytes(b"old")

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        disk.write(path, b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["project.json"]
    assert path.read_bytes() == b"old"


def test_a_new_folder_has_its_name_on_the_disk(tmp_path, synced):
    folder = ProjectFolder.create(tmp_path / "a" / "b" / "project")
    folder.close()
    assert synced == [
        (tmp_path, {"a"}),
        (tmp_path / "a", {"b"}),
        (tmp_path / "a" / "b", {"project"}),
    ]
    synced.clear()
    disk.write(folder.path / "checkpoints" / "last.safetensors", b"model")
    assert (folder.path, {"lock", "checkpoints"}) in synced
