from __future__ import annotations

import numpy as np
import pytest
from hands import paint
from napari.utils.notifications import notification_manager
from qtpy.QtTest import QTest

from napari_unet.core.project.recovery import open_project
from napari_unet.widgets import project_opening, strokes
from napari_unet.widgets.classes import ClassList, LabelClass


@pytest.fixture(autouse=True)
def _no_old_records():
    notification_manager.records.clear()


def ask_nothing(sentence, path):
    raise AssertionError(sentence)


def saved(studio, qtbot):
    qtbot.waitUntil(lambda: studio.project.store is not None, timeout=3000)
    qtbot.waitUntil(lambda: not studio.project.store.pending, timeout=3000)
    return studio.project.path


def test_nothing_is_written_until_the_user_paints(studio, qtbot, data_folder):
    studio.roster.set(studio.roster.classes.renamed(2, "nucleus"))
    QTest.qWait(300)
    assert studio.project.path is None
    assert not data_folder.exists()


def test_a_stroke_is_on_the_disk_within_two_seconds(studio, qtbot):
    paint(studio, 1, np.s_[20:40, 10:60])
    QTest.qWait(1500)
    files = {p.name for p in studio.project.path.iterdir()}
    assert {"project.json", "strokes.log", "lock"} <= files
    path = studio.project.path
    assert studio.project.leave()
    opened = open_project(path)
    ((plane, strokes),) = opened.record.work.planes.items()
    assert plane == (1, ())
    assert (strokes.dense() == studio.desk.active.paint.data).all()
    opened.folder.close()


def test_reopening_goes_on_exactly(painted, viewer, qtbot, tmp_path):
    studio = painted
    studio.roster.set(studio.roster.classes.renamed(2, "nucleus").recoloured(1, "#112233"))
    before = studio.desk.active.paint.data.copy()
    pixels = studio.desk.active.image.data.copy()
    studio.train()
    qtbot.waitUntil(lambda: studio.lesson.report.held_out is not None, timeout=8000)
    studio.lesson.pause()
    QTest.qWait(200)
    report, classes = studio.lesson.report, studio.roster.classes
    place = tmp_path / "my project"
    studio.project.save_as(place)
    project_opening.begin_new(studio)
    assert len(viewer.layers) == 0
    assert studio.project.path is None
    project_opening.open_into(studio, viewer, place, ask_nothing)
    assert (studio.desk.active.paint.data == before).all()
    assert (studio.desk.active.image.data == pixels).all()
    assert studio.desk.active.image.name == "halves"
    assert studio.roster.classes == classes
    assert studio.lesson.report.held_out == report.held_out
    assert studio.lesson.report.scores == report.scores
    assert studio.lesson.report.step == report.step
    assert studio.project.path == place
    qtbot.waitUntil(lambda: studio.lesson.report.answered, timeout=8000)
    assert studio.roster.classes == classes


def test_undo_and_redo_over_planes(painted, qtbot):
    layer = painted.desk.active.paint
    paint(painted, 2, np.s_[100:120, 150:200])
    QTest.qWait(300)
    assert layer.data[110, 160] == 2
    painted.project.undo()
    assert layer.data[110, 160] == 0
    painted.project.undo()
    painted.project.undo()
    assert not layer.data.any()
    assert painted.desk.counts.sum() == 0
    painted.project.undo()
    for _ in range(4):
        painted.project.redo()
    assert layer.data[110, 160] == 2
    assert layer.data[30, 20] == 1


def test_naparis_own_undo_is_an_undo_in_the_project(painted, qtbot):
    layer = painted.desk.active.paint
    layer.selected_label = 2
    layer.paint((150, 150), 2)
    QTest.qWait(300)
    done = len(painted.project.record.history.done)
    layer.undo()
    QTest.qWait(300)
    assert len(painted.project.record.history.done) == done - 1
    painted.project.redo()
    assert layer.data[150, 150] == 2


def test_a_removed_class_comes_back_with_its_strokes(painted, qtbot):
    painted.roster.set(painted.roster.classes.grown(3))
    paint(painted, 3, np.s_[100:120, 150:200])
    QTest.qWait(300)
    before = painted.desk.active.paint.data.copy()
    painted.roster.remove(2)
    QTest.qWait(50)
    assert painted.desk.active.paint.data.max() == 2
    painted.project.undo()
    assert (painted.desk.active.paint.data == before).all()
    assert len(painted.roster.classes) == 3


def test_a_full_disk_is_told_and_painting_goes_on(painted, qtbot, monkeypatch):
    from napari_unet.core.project import log

    def full(file):
        raise OSError(28, "No space left on device")

    QTest.qWait(300)
    monkeypatch.setattr(log.disk, "sync", full)
    paint(painted, 2, np.s_[100:120, 150:200])
    qtbot.waitUntil(lambda: bool(painted.project.store.failing), timeout=3000)
    (said,) = [r.message for r in notification_manager.records if "cannot be saved" in r.message]
    assert "No space left" in said
    painted.train()
    qtbot.waitUntil(lambda: painted.lesson.report.step > 0, timeout=5000)
    monkeypatch.undo()
    qtbot.waitUntil(lambda: not painted.project.store.pending, timeout=8000)
    path = painted.project.path
    assert painted.project.leave()
    opened = open_project(path)
    assert (next(iter(opened.record.work.planes.values())).dense()[100:120, 150:200] == 2).all()


def test_a_change_that_cannot_be_saved_is_told_and_costs_no_stroke(painted, qtbot):
    warned = []
    painted.project.warned.connect(warned.append)
    colours = painted.roster.classes.colours
    nameless = ClassList((LabelClass("background", colours[0]), LabelClass("", colours[1])))
    painted.roster.set(nameless)
    QTest.qWait(50)
    paint(painted, 2, np.s_[100:120, 150:200])
    path = saved(painted, qtbot)
    qtbot.waitUntil(lambda: any("change cannot be saved" in said for said in warned), timeout=3000)
    data = painted.desk.active.paint.data.copy()
    assert painted.project.leave()
    opened = open_project(path)
    opened.folder.close()
    ((_, kept),) = opened.record.work.planes.items()
    assert (kept.dense() == data).all()
    assert opened.told == ()


def test_a_brush_through_many_slices_is_on_the_disk_in_two_seconds(open_stack, qtbot):
    studio = open_stack(np.zeros((120, 64, 64), np.uint8))
    layer = studio.desk.active.paint
    layer.n_edit_dimensions, layer.brush_size, layer.selected_label = 3, 41, 1
    layer.paint((90, 30, 30), 1)
    QTest.qWait(1500)
    path = saved(studio, qtbot)
    painted = set(np.flatnonzero(layer.data.any(axis=(1, 2))).tolist())
    assert studio.project.leave()
    opened = open_project(path)
    opened.folder.close()
    assert {index[0] for _, index in opened.record.work.planes} == painted
    assert len(painted) == 41


def test_a_brush_through_slices_is_one_step(open_stack, qtbot, monkeypatch):
    monkeypatch.setattr(strokes, "_AT_ONCE", 0)  # a slice at a time
    studio = open_stack(np.zeros((30, 64, 64), np.uint8))
    layer = studio.desk.active.paint
    layer.n_edit_dimensions, layer.brush_size, layer.selected_label = 3, 9, 1
    layer.paint((4, 30, 30), 1)
    QTest.qWait(600)
    layer.paint((20, 30, 30), 1)
    QTest.qWait(600)
    studio.project.undo()
    assert layer.data[4].any()
    assert not layer.data[10:].any()
    studio.project.undo()
    assert not layer.data.any()
