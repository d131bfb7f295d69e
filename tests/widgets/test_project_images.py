"""Images of projects: found again, asked for, copied. Without a window and an engine."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from fake_model import flipped, sealed_model
from napari.components import ViewerModel
from napari.utils.notifications import notification_manager
from npe2 import PluginManifest
from qtpy.QtTest import QTest

from napari_unet.core.project.folder import BEST, LAST, ProjectFolder
from napari_unet.core.project.manifest import File, ImageEntry, Manifest, Source
from napari_unet.core.project.recovery import open_project
from napari_unet.core.project.sources import fingerprint
from napari_unet.widgets import project_reading
from napari_unet.widgets.project_images import file_of
from napari_unet.widgets.project_opening import begin_new, open_into
from napari_unet.widgets.studio import Studio

LARGE = (3, 1200, 1500)  # px; too large to be copied into a project


@pytest.fixture
def viewer(npe2pm):
    """With napari's own readers, but without a window."""
    npe2pm.register(PluginManifest.from_distribution("napari"))
    return ViewerModel()


@pytest.fixture
def studio(viewer, qapp):
    studio = Studio(viewer)
    yield studio
    studio.project.leave()
    studio.desk.close()


@pytest.fixture
def file(tmp_path):
    """A stack as a file that a project links to."""
    path = tmp_path / "study" / "stack.tif"
    path.parent.mkdir()
    tifffile.imwrite(path, np.random.default_rng(0).integers(0, 255, LARGE, np.uint8))
    return path


def refuse(sentence, known):
    raise AssertionError(sentence)


def stroke(studio, number, window):
    layer = studio.desk.active.paint
    layer.data[window] = number
    layer.events.paint(value=[])
    studio.desk.flush()
    studio.project._witness.commit()  # as a tick of the window's loop does


def work_on(studio, viewer, layer):
    studio.choose([layer])
    studio.desk.active.strokes.visit((0,) * (layer.ndim - 2))


def paint_file(studio, viewer, file, place):
    """A project in `place` with strokes on two planes of a file."""
    (layer,) = viewer.open(str(file), plugin="napari")
    layer.scale = (2.0, 0.5, 0.5)
    work_on(studio, viewer, layer)
    stroke(studio, 1, np.s_[0, 20:40, 10:60])
    viewer.dims.set_point(0, 4.0)
    stroke(studio, 2, np.s_[2, 500:700, 10:60])
    studio.project.save_as(place)
    paint = studio.desk.active.paint.data.copy()
    begin_new(studio)
    assert len(viewer.layers) == 0
    return paint


def test_a_stack_comes_back_from_its_file(studio, viewer, file, tmp_path):
    paint = paint_file(studio, viewer, file, tmp_path / "study" / "project")
    open_into(studio, viewer, tmp_path / "study" / "project", refuse)
    active = studio.desk.active
    assert (active.paint.data == paint).all()
    assert tuple(active.image.scale) == (2.0, 0.5, 0.5)
    assert active.image.source.path == str(file)
    assert not list((tmp_path / "study" / "project").glob("images/*"))


def test_a_folder_moved_as_a_whole_asks_nothing(studio, viewer, file, tmp_path):
    paint = paint_file(studio, viewer, file, tmp_path / "study" / "project")
    (tmp_path / "study").rename(tmp_path / "archive")
    open_into(studio, viewer, tmp_path / "archive" / "project", refuse)
    assert (studio.desk.active.paint.data == paint).all()


def test_a_moved_image_is_asked_for_once_and_then_known(studio, viewer, file, tmp_path):
    paint = paint_file(studio, viewer, file, tmp_path / "project")
    moved = tmp_path / "elsewhere.tif"
    file.rename(moved)
    asked = []

    def ask(sentence, known):
        asked.append((sentence, known))
        return moved

    open_into(studio, viewer, tmp_path / "project", ask)
    ((sentence, known),) = asked
    assert "stack" in sentence
    assert known == file
    assert (studio.desk.active.paint.data == paint).all()
    begin_new(studio)
    open_into(studio, viewer, tmp_path / "project", refuse)
    assert (studio.desk.active.paint.data == paint).all()


def test_images_that_moved_together_are_asked_for_once(studio, viewer, tmp_path):
    (tmp_path / "study").mkdir()
    for number in (1, 2):
        path = tmp_path / "study" / f"image {number}.tif"
        tifffile.imwrite(path, np.full((2300, 2300), number, np.uint8))
        (layer,) = viewer.open(str(path), plugin="napari")
        work_on(studio, viewer, layer)
        stroke(studio, number, np.s_[20:40, 10:60])
    studio.project.save_as(tmp_path / "project")
    begin_new(studio)
    (tmp_path / "study").rename(tmp_path / "archive")
    asked = []

    def ask(sentence, known):
        asked.append(known)
        return tmp_path / "archive" / known.name

    open_into(studio, viewer, tmp_path / "project", ask)
    assert len(asked) == 1
    for number in (1, 2):
        assert viewer.layers[f"image {number} strokes"].data[30, 30] == number


def test_an_image_that_stays_away_keeps_its_strokes(studio, viewer, file, tmp_path):
    paint = paint_file(studio, viewer, file, tmp_path / "project")
    file.rename(tmp_path / "elsewhere.tif")
    open_into(studio, viewer, tmp_path / "project", lambda sentence, known: None)
    assert studio.desk.active is None
    assert "its strokes are kept" in studio.lesson.notice
    begin_new(studio)
    (tmp_path / "elsewhere.tif").rename(file)
    open_into(studio, viewer, tmp_path / "project", refuse)
    assert (studio.desk.active.paint.data == paint).all()


def test_another_image_in_its_place_is_not_taken_for_it(studio, viewer, file, tmp_path):
    paint_file(studio, viewer, file, tmp_path / "project")
    tifffile.imwrite(file, np.zeros(LARGE, np.uint8))
    open_into(studio, viewer, tmp_path / "project", lambda sentence, known: file)
    assert studio.desk.active is None
    assert "its content differs" in studio.lesson.notice


def test_an_image_that_is_open_already_is_used(studio, viewer, file, tmp_path):
    paint = paint_file(studio, viewer, file, tmp_path / "project")
    (layer,) = viewer.open(str(file), plugin="napari")
    open_into(studio, viewer, tmp_path / "project", refuse)
    assert studio.desk.active.image is layer
    assert (studio.desk.active.paint.data == paint).all()


def test_channels_come_back_together(studio, viewer, tmp_path):
    layers = [viewer.add_image(np.full((30, 40), v, np.uint8), name=f"c{v}") for v in (1, 2)]
    studio.choose(layers)
    stroke(studio, 2, np.s_[3:9, 4:8])
    studio.project.save_as(tmp_path / "project")
    begin_new(studio)
    open_into(studio, viewer, tmp_path / "project", refuse)
    assert [layer.name for layer in studio.desk.active.images] == ["c1", "c2"]
    assert [layer.data[0, 0] for layer in studio.desk.active.images] == [1, 2]


def test_several_images_come_back_and_the_last_one_is_in_work(studio, viewer, tmp_path):
    for number in (1, 2, 3):
        layer = viewer.add_image(np.full((30, 40), number, np.uint8), name=f"image {number}")
        work_on(studio, viewer, layer)
        stroke(studio, number % 2 + 1, np.s_[number : number + 9, 4:8])
    work_on(studio, viewer, viewer.layers["image 2"])
    studio.project.save_as(tmp_path / "project")
    begin_new(studio)
    open_into(studio, viewer, tmp_path / "project", refuse)
    assert studio.desk.active.image.name == "image 2"
    assert len(studio.desk.bindings) == 3
    for number in (1, 2, 3):
        layer = viewer.layers[f"image {number} strokes"]
        assert layer.data[number + 8, 7] == number % 2 + 1
        assert np.count_nonzero(layer.data) == 36


def test_undo_goes_to_another_image_and_plane(studio, viewer):
    work_on(studio, viewer, viewer.add_image(np.zeros((4, 30, 40), np.uint8), name="stack"))
    viewer.dims.set_point(0, 3)
    stroke(studio, 1, np.s_[3, 3:9, 4:8])
    first = studio.desk.active
    viewer.dims.set_point(0, 0)
    work_on(studio, viewer, viewer.add_image(np.zeros((50, 60), np.uint8), name="flat"))
    stroke(studio, 2, np.s_[3:9, 4:8])
    studio.project.undo()
    assert not studio.desk.active.paint.data.any()
    studio.project.undo()
    assert studio.desk.active is first
    assert viewer.dims.current_step[0] == 3
    assert not first.paint.data.any()
    studio.project.redo()
    assert first.paint.data[3, 5, 5] == 1


def test_undo_goes_on_after_reopening(studio, viewer, tmp_path):
    work_on(studio, viewer, viewer.add_image(np.zeros((30, 40), np.uint8), name="a"))
    stroke(studio, 1, np.s_[3:9, 4:8])
    QTest.qWait(5)
    stroke(studio, 2, np.s_[13:19, 4:8])
    studio.project.save_as(tmp_path / "project")
    begin_new(studio)
    open_into(studio, viewer, tmp_path / "project", refuse)
    studio.project.undo()
    assert set(np.unique(studio.desk.active.paint.data)) == {0, 1}
    studio.project.undo()
    studio.project.redo()
    assert set(np.unique(studio.desk.active.paint.data)) == {0, 1}


def test_a_long_stroke_is_saved_before_it_is_done_and_is_one_step(studio, viewer):
    work_on(studio, viewer, viewer.add_image(np.zeros((90, 90), np.uint8), name="a"))
    layer = studio.desk.active.paint
    layer.selected_label = 2
    for y in range(10, 40, 10):  # what a mouse that moves does, without letting go
        layer.data[y, :50] = 2
        layer.events.labels_update(data=layer.data[y : y + 1, :50], offset=(y, 0))
        QTest.qWait(20)
    QTest.qWait(1100)
    path = studio.project.path
    assert path is not None
    assert studio.desk.counts[2] == 0  # the engine hears of it when it is done
    layer.data[60, :50] = 2
    layer.events.paint(value=[])
    studio.desk.flush()
    studio.project.undo()
    assert not layer.data.any()
    studio.project.redo()
    assert layer.data[60, 3] == layer.data[10, 3] == 2


def test_strokes_of_a_sample_alone_begin_no_project_and_are_not_undone(studio, viewer):
    image = viewer.add_image(np.zeros((30, 40), np.uint8), name="a")
    paint = np.zeros((30, 40), np.uint8)
    paint[3:9, 4:8] = 1
    viewer.add_labels(paint, name="a strokes")
    work_on(studio, viewer, image)
    QTest.qWait(50)
    assert studio.project.path is None
    stroke(studio, 2, np.s_[13:19, 4:8])
    QTest.qWait(50)
    path = studio.project.path
    studio.project.undo()
    studio.project.undo()
    assert set(np.unique(studio.desk.active.paint.data)) == {0, 1}
    studio.project.leave()
    opened = open_project(path)
    opened.folder.close()
    (saved,) = opened.record.work.planes.values()
    assert saved.counts[1] == 24


def test_a_removed_image_that_is_opened_again_has_its_strokes(studio, viewer, file):
    (layer,) = viewer.open(str(file), plugin="napari")
    work_on(studio, viewer, layer)
    stroke(studio, 1, np.s_[0, 20:40, 10:60])
    before = studio.desk.active.paint.data.copy()
    for gone in (layer, studio.desk.active.paint):
        viewer.layers.remove(gone)
    (layer,) = viewer.open(str(file), plugin="napari")
    work_on(studio, viewer, layer)
    assert (studio.desk.active.paint.data == before).all()


def test_removing_a_class_reaches_images_that_are_not_open(studio, viewer, file):
    (layer,) = viewer.open(str(file), plugin="napari")
    work_on(studio, viewer, layer)
    studio.roster.set(studio.roster.classes.grown(3))
    stroke(studio, 1, np.s_[0, 20:40, 10:60])
    stroke(studio, 3, np.s_[0, 60:80, 10:60])
    before = studio.desk.active.paint.data.copy()
    for gone in (layer, studio.desk.active.paint):
        viewer.layers.remove(gone)
    studio.roster.remove(1)
    studio.project._witness.commit()
    (layer,) = viewer.open(str(file), plugin="napari")
    work_on(studio, viewer, layer)
    assert (studio.desk.active.paint.data == np.where(before == 3, 2, 0)).all()
    studio.project.undo()
    assert len(studio.roster.classes) == 3
    assert (studio.desk.active.paint.data == before).all()


@pytest.mark.parametrize("waiting", [False, True])
def test_where_the_disk_is_gone_save_as_writes_all(studio, viewer, tmp_path, qtbot, waiting):
    """A memory stick that was pulled out, and a stroke after it."""
    work_on(studio, viewer, viewer.add_image(np.zeros((30, 40), np.uint8), name="a"))
    stroke(studio, 1, np.s_[3:9, 4:8])
    studio.project.save_as(tmp_path / "stick")
    assert studio.project.store.flush(5)
    shutil.rmtree(tmp_path / "stick")
    if waiting:
        stroke(studio, 2, np.s_[5:19, 4:6])
        qtbot.waitUntil(lambda: bool(studio.project.store.failing), timeout=3000)
    studio.project.save_as(tmp_path / "disk")
    stroke(studio, 2, np.s_[23:29, 4:8])
    painted = studio.desk.active.paint.data.copy()
    begin_new(studio)
    open_into(studio, viewer, tmp_path / "disk", refuse)
    assert not studio.lesson.notice
    assert (studio.desk.active.paint.data == painted).all()
    assert not studio.desk.active.image.data.any()


def test_a_snapshot_that_waited_for_a_disk_that_is_gone_undoes_nothing(studio, viewer, tmp_path):
    work_on(studio, viewer, viewer.add_image(np.zeros((30, 40), np.uint8), name="a"))
    for row in range(0, 20, 2):
        stroke(studio, 1, np.s_[row, 4:8])
    studio.project.save_as(tmp_path / "stick")
    store = studio.project.store
    assert store.flush(5)
    shutil.rmtree(tmp_path / "stick")
    (tmp_path / "stick").touch()  # so that the folder cannot be made again
    studio.project._snapshot(store)
    assert not store.flush(5)
    studio.project.save_as(tmp_path / "disk")
    stroke(studio, 2, np.s_[23:29, 4:8])
    assert store.flush(5)
    shutil.copytree(tmp_path / "disk", tmp_path / "crashed")
    opened = open_project(tmp_path / "crashed")
    opened.folder.close()
    (paint,) = opened.record.work.planes.values()
    assert (paint.dense() == studio.desk.active.paint.data).all()


def test_what_is_segmented_is_not_given_to_the_next_project(studio, viewer):
    work_on(studio, viewer, viewer.add_image(np.zeros((30, 40), np.uint8), name="a"))
    stroke(studio, 1, np.s_[3:9, 4:8])
    studio.segment()
    assert studio.segmenter.running
    begin_new(studio)
    assert not studio.segmenter.running


def test_removed_strokes_come_back_by_undo(studio, viewer):
    image = viewer.add_image(np.zeros((30, 40), np.uint8), name="a")
    work_on(studio, viewer, image)
    stroke(studio, 1, np.s_[3:9, 4:8])
    QTest.qWait(5)
    viewer.layers.remove(studio.desk.active.paint)
    work_on(studio, viewer, image)
    assert not studio.desk.active.paint.data.any()
    studio.project.undo()
    assert studio.desk.active.paint.data[5, 5] == 1


def test_an_image_with_new_pixels_is_copied_anew(studio, viewer, tmp_path):
    layer = viewer.add_image(np.zeros((30, 40), np.uint8), name="a")
    work_on(studio, viewer, layer)
    stroke(studio, 1, np.s_[3:9, 4:8])
    studio.project.save_as(tmp_path / "project")
    layer.data = np.full((30, 40), 7, np.uint8)
    QTest.qWait(50)
    begin_new(studio)
    open_into(studio, viewer, tmp_path / "project", refuse)
    assert (studio.desk.active.image.data == 7).all()


def test_an_image_too_large_to_copy_is_told(studio, viewer, monkeypatch, qtbot):
    from napari_unet.core.project import sources

    monkeypatch.setattr(sources, "TOO_LARGE", 100)
    work_on(studio, viewer, viewer.add_image(np.zeros((30, 40), np.uint8), name="a"))
    stroke(studio, 1, np.s_[3:9, 4:8])
    qtbot.waitUntil(lambda: "no file of its own" in studio.lesson.notice, timeout=3000)


def test_a_project_that_is_open_is_not_opened_again(studio, viewer, tmp_path):
    from napari_unet.core.project.errors import ProjectError

    work_on(studio, viewer, viewer.add_image(np.zeros((30, 40), np.uint8), name="a"))
    stroke(studio, 1, np.s_[3:9, 4:8])
    studio.project.save_as(tmp_path / "project")
    with pytest.raises(ProjectError, match="open already"):
        open_into(studio, viewer, tmp_path / "project", refuse)


def test_what_was_recovered_is_told(studio, viewer, tmp_path):
    work_on(studio, viewer, viewer.add_image(np.zeros((30, 40), np.uint8), name="a"))
    stroke(studio, 1, np.s_[3:9, 4:8])
    studio.project.save_as(tmp_path / "project")
    begin_new(studio)
    with (tmp_path / "project" / "strokes.log").open("ab") as log:
        log.write(b"half a record")
    notification_manager.records.clear()
    open_into(studio, viewer, tmp_path / "project", refuse)
    assert "1 change of paint could be recovered" in studio.lesson.notice
    assert studio.desk.active.paint.data[5, 5] == 1


def test_a_hostile_project_is_opened_without_its_strokes(studio, viewer, tmp_path):
    from napari_unet.core.annotations import Annotations
    from napari_unet.core.project.changes import Entry, difference

    work_on(studio, viewer, viewer.add_image(np.zeros((3, 30, 40), np.uint8), name="a"))
    stroke(studio, 1, np.s_[0, 3:9, 4:8])
    studio.project.save_as(tmp_path / "project")
    begin_new(studio)
    opened = open_project(tmp_path / "project")
    paint = Annotations.of(np.ones((30, 40), np.uint8))
    opened.folder.append([Entry(0.0, difference((1, (99,)), None, paint))])
    opened.folder.close()
    open_into(studio, viewer, tmp_path / "project", refuse)
    assert "of another size" in studio.lesson.notice


def stranger(tmp_path, *files, reader="", checksum=True):
    """A project that somebody else made, with an image in each file."""
    folder = ProjectFolder.create(tmp_path / "stranger")
    entries = []
    for number, path in enumerate(files, start=1):
        known = fingerprint(path) if checksum else File(str(path))
        source = Source("cells", (30, 40), "uint8", file=known, reader=reader)
        entries.append(ImageEntry(number, (source,)))
    folder.save(Manifest(images=tuple(entries)))
    folder.close()
    return folder.path


@pytest.fixture
def odd_reader(npe2pm, viewer):
    """A plugin that reads what nobody knows, and TIFF; the files that it was given."""
    given = []

    def read(path):
        given.append(path)
        return [(np.zeros((30, 40), np.uint8), {"name": "cells"})]

    def reader(path):
        return read

    with npe2pm.tmp_plugin(name="odd-plugin") as plugin:
        plugin.contribute.reader(filename_patterns=["*.odd", "*.tif"])(reader)
        yield given


@pytest.fixture(autouse=True)
def nothing_is_allowed_yet(monkeypatch):
    monkeypatch.setattr(project_reading, "_allowed", set())


@pytest.mark.parametrize("reader", ["", "napari", "napari.get_py_reader"])
def test_a_strangers_project_runs_no_script(studio, viewer, tmp_path, reader):
    script = tmp_path / "cells.py"
    script.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    open_into(studio, viewer, stranger(tmp_path, script, reader=reader), refuse, lambda _: True)
    assert not (tmp_path / "ran").exists()
    assert "nothing but images" in studio.lesson.notice


def test_a_plugin_that_a_project_names_is_asked_about(studio, viewer, tmp_path, odd_reader):
    files = [tmp_path / f"{name}.odd" for name in "ab"]
    for file in files:
        file.write_bytes(b"code?")
    project, asked = stranger(tmp_path, *files, reader="odd-plugin"), []
    open_into(studio, viewer, project, refuse)
    assert studio.desk.active is None
    assert not odd_reader
    assert "open it in napari" in studio.lesson.notice
    begin_new(studio)
    open_into(studio, viewer, project, refuse, lambda question: not asked.append(question))
    (question,) = asked  # for both files
    assert "odd-plugin" in question
    assert odd_reader == [str(file) for file in files]
    assert len(studio.desk.bindings) == 2


def test_of_an_image_that_napari_can_read_no_plugin_is_asked_about(
    studio, viewer, tmp_path, odd_reader
):
    file = tmp_path / "a.tif"
    tifffile.imwrite(file, np.ones((30, 40), np.uint8))
    project = stranger(tmp_path, file, reader="odd-plugin")
    open_into(studio, viewer, project, refuse, lambda question: pytest.fail(question))
    assert studio.desk.active.image.data.all()
    assert not odd_reader


def test_the_users_own_unsaved_project_is_read_as_it_was(studio, viewer, tmp_path, odd_reader):
    file = tmp_path / "a.odd"
    file.write_bytes(b"x")
    (layer,) = viewer.open(str(file), plugin="odd-plugin")
    work_on(studio, viewer, layer)
    stroke(studio, 1, np.s_[3:9, 4:8])
    path = studio.project.path
    assert studio.project.store.flush(5)
    begin_new(studio)
    for copy in (path / "images").glob("*"):
        copy.unlink()
    open_into(studio, viewer, path, refuse, lambda question: pytest.fail(question))
    assert studio.desk.active.paint.data[5, 5] == 1
    assert len(odd_reader) == 2


def test_a_folder_that_a_project_names_is_asked_about(studio, viewer, tmp_path):
    folder = tmp_path / "cells"
    folder.mkdir()
    tifffile.imwrite(folder / "a.tif", np.ones((30, 40), np.uint8))
    project, asked = stranger(tmp_path, folder), []
    open_into(studio, viewer, project, refuse, asked.append)
    assert str(folder) in asked[0]
    assert studio.desk.active is None
    begin_new(studio)
    open_into(studio, viewer, project, refuse, lambda question: True)
    assert studio.desk.active.image.data.all()


@pytest.mark.skipif(os.name == "nt", reason="Windows has neither such names nor such files")
@pytest.mark.parametrize("kind", ["long", "device", "pipe"])
def test_what_is_no_file_or_cannot_be_looked_at_is_asked_for(studio, viewer, tmp_path, kind):
    pipe = tmp_path / "pipe.tif"
    os.mkfifo(pipe)
    place = {"long": tmp_path / ("x" * 300 + ".tif"), "device": "/dev/zero", "pipe": pipe}[kind]
    asked = []
    open_into(
        studio, viewer, stranger(tmp_path, place, checksum=False),
        lambda sentence, known: asked.append(sentence),
    )  # fmt: skip
    assert len(asked) == 1
    assert "was not found" in studio.lesson.notice


def test_strokes_do_not_ask_for_the_file_again(studio, viewer, file, monkeypatch):
    """On a network share that is gone, the answer takes a minute."""
    (layer,) = viewer.open(str(file), plugin="napari")
    work_on(studio, viewer, layer)
    stroke(studio, 1, np.s_[0, 20:40, 10:60])
    assert studio.project.store.flush(5)
    exists = Path.exists

    def hang(path):
        assert path != file, "a stroke waits for the share"
        return exists(path)

    monkeypatch.setattr(Path, "exists", hang)
    stroke(studio, 2, np.s_[0, 60:80, 10:60])
    assert file_of(layer) == file


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_names_that_are_no_text_are_saved_and_found_again(studio, viewer, file, tmp_path):
    odd = file.rename(Path(os.fsdecode(os.fsencode(file.parent) + b"/caf\xe9.tif")))
    paint = paint_file(studio, viewer, odd, tmp_path / "project")
    assert not studio.lesson.urgent
    open_into(studio, viewer, tmp_path / "project", refuse)
    assert (studio.desk.active.paint.data == paint).all()
    assert studio.desk.active.image.source.path == str(odd)


def test_a_list_of_recent_projects_that_cannot_be_written_is_no_error(
    studio, viewer, tmp_path, monkeypatch
):
    def full(path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("napari_unet.core.project.shelf.remember", full)
    viewer.add_image(np.zeros((30, 40), np.uint8))
    open_into(studio, viewer, stranger(tmp_path), refuse)
    assert studio.project.path == tmp_path / "stranger"


def test_a_damaged_model_is_replaced_by_the_best_one(studio, viewer, tmp_path):
    path = stranger(tmp_path)
    best = sealed_model()
    (path / "checkpoints").mkdir()
    (path / BEST).write_bytes(best)
    (path / LAST).write_bytes(flipped(best))
    open_into(studio, viewer, path, refuse)
    assert "damaged" in studio.lesson.notice
    assert studio.lesson._model == best
