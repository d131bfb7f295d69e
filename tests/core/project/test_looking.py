from __future__ import annotations

import shutil

import pytest

from napari_unet.core.project.errors import ProjectError
from napari_unet.core.project.folder import BACKUP, LOG, MANIFEST, SNAPSHOT, locked
from napari_unet.core.project.looking import look_into


def dense(work):
    return {plane: paint.dense() for plane, paint in work.planes.items()}


def equal(one, other):
    one, other = ({k: v for k, v in s.items() if v.any()} for s in (one, other))
    return one.keys() == other.keys() and all((one[k] == other[k]).all() for k in one)


def files(path):
    return {
        str(file.relative_to(path)): (file.stat().st_mtime_ns, file.read_bytes())
        for file in path.rglob("*")
        if file.is_file()
    }


def test_it_reads_what_a_window_has_open_and_writes_nothing(painted):
    lock = locked(painted.path)
    try:
        before = files(painted.path)
        seen = look_into(painted.path)
        assert files(painted.path) == before
    finally:
        lock.release()
    assert seen.told == ()
    assert equal(dense(seen.work), painted.states[-1])
    assert seen.manifest.progress.scores == ((10, 0.8), (20, 0.9))


def test_a_stroke_that_is_half_written_is_left_out(painted):
    (painted.path / SNAPSHOT).unlink()
    log = painted.path / LOG
    log.write_bytes(log.read_bytes()[:-3])
    before = files(painted.path)
    seen = look_into(painted.path)
    assert equal(dense(seen.work), painted.states[-2])
    assert "log of strokes" in seen.told[0]
    assert files(painted.path) == before


def test_a_snapshot_that_knows_more_than_the_log_is_read(painted, tmp_path):
    path = tmp_path / "copy"
    shutil.copytree(painted.path, path)
    (path / LOG).write_bytes((path / LOG).read_bytes()[:40])
    before = files(path)
    assert equal(dense(look_into(path).work), painted.states[8])
    assert files(path) == before


def test_a_damaged_manifest_is_read_from_its_copy(painted):
    (painted.path / MANIFEST).write_bytes(b"{")
    before = files(painted.path)
    assert "second copy" in look_into(painted.path).told[0]
    assert files(painted.path) == before
    (painted.path / BACKUP).unlink()
    with pytest.raises(ProjectError, match="damaged"):
        look_into(painted.path)


def test_what_is_no_project_is_refused(tmp_path):
    with pytest.raises(ProjectError, match="is not a project"):
        look_into(tmp_path)
