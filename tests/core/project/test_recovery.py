from __future__ import annotations

import contextlib
import shutil

import numpy as np
import pytest

from napari_unet.core.annotations import Annotations
from napari_unet.core.project.errors import ProjectError
from napari_unet.core.project.folder import HELD, LOG, MANIFEST, SNAPSHOT, ProjectFolder, locked
from napari_unet.core.project.frames import whole_frames
from napari_unet.core.project.log import MAGIC
from napari_unet.core.project.manifest import Manifest
from napari_unet.core.project.recovery import open_project


def dense(opened):
    return {plane: paint.dense() for plane, paint in opened.record.work.planes.items()}


def equal(one, other):
    one, other = ({k: v for k, v in s.items() if v.any()} for s in (one, other))
    return one.keys() == other.keys() and all((one[k] == other[k]).all() for k in one)


def test_it_comes_back_as_it_was(painted, reopened):
    opened = reopened(painted.path)
    assert opened.told == ()
    assert equal(dense(opened), painted.states[-1])
    assert len(opened.record.history.done) == 12
    assert opened.manifest.progress.scores == ((10, 0.8), (20, 0.9))


def test_a_log_cut_at_any_byte_gives_back_what_was_whole(painted, reopened, tmp_path):
    data = (painted.path / LOG).read_bytes()
    (painted.path / SNAPSHOT).unlink()
    counts = []
    with (painted.path / LOG).open("rb") as file:
        file.seek(len(MAGIC))
        ends = {0, len(MAGIC), *(end for _, end in whole_frames(file))}
    for cut in [*range(60), *range(60, len(data), 7), len(data)]:
        path = tmp_path / f"cut{cut}"
        shutil.copytree(painted.path, path)
        (path / LOG).write_bytes(data[:cut])
        opened = reopened(path)
        done = len(opened.record.history.done)
        counts.append(done)
        assert equal(dense(opened), painted.states[done])
        assert bool(opened.told) == (cut not in ends)
        if opened.told:
            assert f"{done} change" in opened.told[0]
            kept = next((path / "damaged").glob("*strokes.log")).read_bytes()
            assert (path / LOG).read_bytes() + kept == data[:cut]
            assert reopened(path).told == ()
        shutil.rmtree(path)
    assert counts == sorted(counts)
    assert counts[-1] == 12


def test_a_log_damaged_in_its_middle_is_made_good_by_the_snapshot(painted, reopened):
    data = bytearray((painted.path / LOG).read_bytes())
    data[len(data) // 4] ^= 255
    (painted.path / LOG).write_bytes(data)
    opened = reopened(painted.path)
    assert "snapshot" in opened.told[0]
    assert equal(dense(opened), painted.states[8])
    again = reopened(painted.path)
    assert again.told == ()
    assert equal(dense(again), painted.states[8])


def test_strokes_painted_after_a_recovery_are_not_undone_by_the_old_snapshot(painted, reopened):
    (painted.path / LOG).write_bytes((painted.path / LOG).read_bytes()[:300])
    opened = open_project(painted.path)
    assert equal(dense(opened), painted.states[8])
    opened.folder.append([opened.record.history.undo(1.0)])
    opened.record.follow(opened.record.history.undo(1.0))
    opened.folder.close()
    assert equal(dense(reopened(painted.path)), dense(opened))


def test_a_lost_log_is_made_good_by_the_snapshot(painted, reopened):
    (painted.path / LOG).unlink()
    opened = reopened(painted.path)
    assert equal(dense(opened), painted.states[8])
    assert opened.told


def test_a_damaged_snapshot_costs_nothing(painted, reopened):
    data = bytearray((painted.path / SNAPSHOT).read_bytes())
    data[50] ^= 1
    (painted.path / SNAPSHOT).write_bytes(data)
    opened = reopened(painted.path)
    assert equal(dense(opened), painted.states[-1])
    assert list((painted.path / "damaged").glob("*snapshot.bin"))


def test_a_damaged_manifest_is_replaced_by_its_second_copy(painted, reopened):
    before = reopened(painted.path).manifest
    (painted.path / MANIFEST).write_bytes(b'{"format": 1, "images": [{"num')
    opened = reopened(painted.path)
    assert opened.manifest == before
    assert "second copy" in opened.told[0]
    assert reopened(painted.path).told == ()


def test_with_both_damaged_it_is_refused_and_untouched(painted):
    for name in (MANIFEST, "project.backup.json"):
        (painted.path / name).write_bytes(b"nonsense")
    with pytest.raises(ProjectError, match="untouched"):
        open_project(painted.path)
    locked(painted.path).release()  # nobody holds it any more


def test_a_folder_that_is_no_project_is_refused(tmp_path):
    with pytest.raises(ProjectError, match="not a project"):
        open_project(tmp_path)


def test_a_project_is_open_once(painted):
    opened = open_project(painted.path)
    with pytest.raises(ProjectError, match="another napari"):
        open_project(painted.path)
    opened.folder.close()
    open_project(painted.path).folder.close()


def test_a_read_only_folder_is_refused_in_a_sentence(painted, monkeypatch):
    from napari_unet.core.project import recovery

    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(recovery, "locked", refuse)
    with pytest.raises(ProjectError, match="must be writable"):
        open_project(painted.path)


def test_a_moved_project_is_the_same(painted, reopened, tmp_path):
    shutil.make_archive(str(tmp_path / "zipped"), "zip", painted.path)
    shutil.unpack_archive(tmp_path / "zipped.zip", tmp_path / "elsewhere")
    opened = reopened(tmp_path / "elsewhere")
    assert opened.told == ()
    assert equal(dense(opened), painted.states[-1])


def test_a_failed_write_is_repeated_without_a_gap(painted, reopened, monkeypatch):
    from napari_unet.core.project import log

    opened = open_project(painted.path)
    entry = opened.record.history.undo(1.0)

    def full(file):
        file.flush()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(log.disk, "sync", full)
    with pytest.raises(OSError, match="No space"):
        opened.folder.append([entry])
    monkeypatch.undo()
    opened.folder.append([entry])
    opened.folder.close()
    again = reopened(painted.path)
    assert again.told == ()
    assert len(again.record.history.done) == 11


def test_a_copy_goes_on_by_itself(painted, tmp_path, reopened):
    opened = open_project(painted.path)
    copy = opened.folder.copy_to(tmp_path / "copy", opened.record.work)
    copy.append([opened.record.history.undo(1.0)])
    copy.close()
    assert len(reopened(tmp_path / "copy").record.history.done) == 11
    assert len(reopened(painted.path).record.history.done) == 12


def test_a_copy_that_cannot_be_made_is_not_left_open(painted, tmp_path, monkeypatch):
    def full(folder, work):
        raise OSError(28, "No space left on device")

    opened = open_project(painted.path)
    (painted.path / LOG).unlink()
    monkeypatch.setattr(ProjectFolder, "begin_log", full)
    with pytest.raises(OSError, match="No space") as _kept:  # nor closed by who collects garbage
        opened.folder.copy_to(tmp_path / "copy", opened.record.work)
    opened.folder.close()
    locked(tmp_path / "copy").release()  # raises where it is open


def test_a_project_is_begun_in_an_empty_folder_only(painted, tmp_path):
    with pytest.raises(ProjectError, match="not empty"):
        ProjectFolder.create(painted.path)
    (tmp_path / "empty").mkdir()
    ProjectFolder.create(tmp_path / "empty").close()


def test_mutated_projects_are_opened_right_or_refused(painted, tmp_path):
    random = np.random.default_rng(0)
    names = [p.relative_to(painted.path) for p in painted.path.rglob("*") if p.is_file()]
    for _ in range(150):
        path = tmp_path / "mutant"
        shutil.copytree(painted.path, path)
        file = path / names[random.integers(len(names))]
        data = bytearray(file.read_bytes())
        for _ in range(random.integers(1, 4)):
            if data:
                data[random.integers(len(data))] = random.integers(256)
        file.write_bytes(data)
        with contextlib.suppress(ProjectError):
            opened = open_project(path)
            opened.folder.close()
            state = dense(opened)
            assert any(equal(state, known) for known in painted.states)
            assert opened.told or equal(state, painted.states[-1])
        shutil.rmtree(path)


def test_a_manifest_that_could_not_be_read_again_is_not_written(painted, reopened):
    from msgspec.structs import replace

    from napari_unet.core.project.errors import DamagedError

    opened = open_project(painted.path)
    wrong = replace(opened.manifest, progress=replace(opened.manifest.progress, step=-1))
    with pytest.raises(DamagedError):
        opened.folder.save(wrong)
    opened.folder.close()
    assert reopened(painted.path).manifest == opened.manifest


def test_held_out_strokes_that_cannot_be_read_cost_only_them(tmp_path):
    folder = ProjectFolder.create(tmp_path / "p")
    folder.save(Manifest())
    paint = np.zeros((20, 30), np.uint8)
    paint[3:5, 4:9] = 2
    held = Annotations.of(paint)
    folder.keep_held({(1, ()): held})
    folder.close()
    opened = open_project(tmp_path / "p")
    assert opened.held[1, ()].same_as(held)
    assert opened.told == ()
    opened.folder.close()
    file = tmp_path / "p" / HELD
    file.write_bytes(file.read_bytes()[:-3])
    opened = open_project(tmp_path / "p")
    opened.folder.close()
    assert opened.held == {}
    assert "others are chosen, so the score may differ" in opened.told[0]


def test_a_snapshot_of_planes_of_another_size_is_a_damaged_one(painted, reopened):
    (painted.path / SNAPSHOT).unlink()
    before = (painted.path / LOG).read_bytes()
    opened = open_project(painted.path)
    other = Annotations.of(np.ones((600, 500), np.uint8))
    opened.folder.snapshot(99, {(1, (0,)): other}, ())
    opened.folder.close()
    opened = reopened(painted.path)
    assert equal(dense(opened), painted.states[-1])
    assert (painted.path / LOG).read_bytes() == before
    assert list((painted.path / "damaged").glob("*snapshot.bin"))


def test_a_log_that_is_only_shorter_is_told_with_what_the_snapshot_made_good(painted, reopened):
    data = (painted.path / LOG).read_bytes()
    with (painted.path / LOG).open("rb") as file:
        file.seek(len(MAGIC))
        ends = [end for _, end in whole_frames(file)]
    (painted.path / LOG).write_bytes(data[: ends[4]])
    opened = reopened(painted.path)
    assert "shorter than it should be" in opened.told[0]
    assert equal(dense(opened), painted.states[8])


def test_a_snapshot_that_could_not_be_read_again_is_not_written(painted, reopened):
    from napari_unet.core.project.changes import LabelClass
    from napari_unet.core.project.errors import DamagedError

    before = (painted.path / SNAPSHOT).read_bytes()
    opened = open_project(painted.path)
    with pytest.raises(DamagedError):
        opened.folder.snapshot(12, {}, (LabelClass("", "#56b4e9"),))
    opened.folder.close()
    assert (painted.path / SNAPSHOT).read_bytes() == before


def test_a_copy_inside_itself_is_refused(painted):
    opened = open_project(painted.path)
    (painted.path.parent / "link").symlink_to(painted.path, target_is_directory=True)
    for inside in (painted.path / "mine", painted.path.parent / "link" / "my" / "project"):
        with pytest.raises(ProjectError, match="outside"):
            opened.folder.copy_to(inside, opened.record.work)
        assert not inside.parent.joinpath("project").exists()
        assert not inside.exists()
    opened.folder.append([])  # it goes on where it is
    opened.folder.close()


@pytest.mark.parametrize("name", [LOG, SNAPSHOT, "lock", "damaged", "checkpoints"])
def test_a_link_in_a_strangers_project_is_not_followed(painted, name):
    """The log would be cut, and what is in the way overwritten."""
    victim = painted.path.parent / "victim"
    victim.mkdir() if "." not in name and name != "lock" else victim.write_bytes(b"mine")
    (painted.path / name).unlink(missing_ok=True)
    (painted.path / name).symlink_to(victim)
    with pytest.raises(ProjectError, match="link"):
        open_project(painted.path)
    assert victim.is_dir() or victim.read_bytes() == b"mine"
