from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from hands import canvas, paint
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QFileDialog, QMessageBox

from napari_unet.core.project import shelf
from napari_unet.core.project.folder import ProjectFolder
from napari_unet.core.project.zipped import unpack
from napari_unet.widgets.panel import AnnotatePanel
from napari_unet.widgets.project_opening import begin_new

PAINT = """
import os, signal, sys
sys.path.insert(0, {here!r})
import hands
import napari, numpy as np
from napari_unet.widgets import keeper
from napari_unet.widgets.panel import AnnotatePanel
from qtpy.QtTest import QTest
keeper.engine_command = [sys.executable, {here!r} + "/fake_engine.py"]
viewer = napari.Viewer()
panel = AnnotatePanel(viewer)
viewer.window.add_dock_widget(panel)
viewer.add_image(np.tile(np.arange(240, dtype=np.uint8), (200, 1)), name="halves")
QTest.qWait(600)
layer = panel.studio.desk.active.paint
hands.stroke(viewer, layer, (30, 20), (80, 60))
panel.studio.roster.select(2)
hands.stroke(viewer, layer, (30, 150), (80, 200))
np.save({out!r}, layer.data)
QTest.qWait(1500)
"""
DIE = "os.kill(os.getpid(), signal.SIGKILL)"


def run(code, tmp_path):
    """Paint in a process of its own, which goes on with `code`; and where the paint lies."""
    out = tmp_path / "painted.npy"
    code = (PAINT + code).format(here=str(Path(__file__).parent), out=str(out))
    env = {**os.environ, "NAPARI_CONFIG": str(tmp_path / "settings.yaml")}
    return out, subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, timeout=150, check=False
    )


def texts(menu):
    return [action.text() for action in menu.actions()]


def test_strokes_painted_with_the_mouse_survive_kill_9(panel, viewer, qtbot, tmp_path, monkeypatch):
    out, done = run(DIE, tmp_path)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    panel.project.offer.refresh()
    assert "“halves”" in panel.project.offer.sentence.text()
    panel.project.offer.restore.click()
    painted = np.load(out)
    assert set(np.unique(painted)) == {0, 1, 2}
    assert (viewer.layers["halves strokes"].data == painted).all()
    assert panel.project.offer.isHidden()
    qtbot.waitUntil(lambda: panel.studio.lesson.report.answered, timeout=10000)
    panel.project.undo.click()
    assert set(np.unique(viewer.layers["halves strokes"].data)) == {0, 1}


def test_a_script_that_just_ends_says_nothing(tmp_path):
    done = run("", tmp_path)[1]
    assert done.returncode == 0
    assert b"Traceback" not in done.stderr, done.stderr.decode()


def left_over(name="cells"):
    """An unsaved project with one stroke that an earlier session left."""
    from napari_unet.core.annotations import Annotations
    from napari_unet.core.project.manifest import ImageEntry, Manifest, Source
    from napari_unet.core.project.record import Record

    folder, record = ProjectFolder.create(shelf.new_place()), Record()
    folder.save(Manifest(images=(ImageEntry(1, (Source(name, (9, 9), "uint8"),)),)))
    changes = record.painted((1, ()), Annotations.of(np.eye(9, dtype=np.uint8)))
    folder.append([record.taken(changes, 0.0)])
    folder.close()
    return folder.path


def test_without_left_over_strokes_nothing_is_offered(panel, qtbot):
    QTest.qWait(50)
    assert panel.project.offer.isHidden()
    assert "saved as you paint" in panel.project.line.text()


def test_discarded_strokes_are_not_offered_again_and_kept(panel, data_folder, qtbot):
    left_over()
    offer = panel.project.offer
    offer.refresh()
    assert not offer.isHidden()
    offer.discard.click()
    assert offer.isHidden()
    assert list((data_folder / "discarded").glob("*/strokes.log"))


def test_strokes_of_another_window_are_not_offered(panel, studio, qtbot, viewer, fake_engine):
    paint(studio, 1, np.s_[20:40, 10:60])
    qtbot.waitUntil(lambda: studio.project.path is not None, timeout=3000)
    qtbot.waitUntil(lambda: not studio.project.store.pending, timeout=3000)
    other = AnnotatePanel(viewer)
    qtbot.addWidget(other)
    other.project.offer.refresh()
    assert other.project.offer.isHidden()


def test_save_as_new_open_and_recent(painted, panel, viewer, tmp_path, monkeypatch, qtbot):
    place = tmp_path / "my project"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(place), ""))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(place))
    QTest.qWait(50)
    unsaved = painted.project.path
    before = painted.desk.active.paint.data.copy()
    section = panel.project
    new, choose, _zipped, _, save_as = section.menu_button.menu().actions()
    save_as.trigger()
    assert painted.project.path == place
    assert not unsaved.exists()
    assert "my project" in section.line.text()
    new.trigger()
    assert len(viewer.layers) == 0
    assert panel.guide.title.text() == "1 · Open an image"
    choose.trigger()
    assert (painted.desk.active.paint.data == before).all()
    section._fill_recent()
    assert texts(section.recent) == ["my project"]
    choose.trigger()
    assert "open already" in painted.lesson.notice


def test_what_cannot_be_done_is_said(painted, panel, tmp_path, monkeypatch):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "full"), ""))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "full"))
    _, choose, _zipped, _, save_as = panel.project.menu_button.menu().actions()
    save_as.trigger()
    assert "not empty" in painted.lesson.notice
    choose.trigger()
    assert "is not a project" in painted.lesson.notice
    assert painted.project.is_unsaved


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_data_folder_is_told(studio, panel, data_folder, qtbot):
    data_folder.mkdir(mode=0o500)
    paint(studio, 1, np.s_[20:40, 10:60])
    qtbot.waitUntil(lambda: "Not saved" in panel.project.line.text(), timeout=3000)


def test_a_data_folder_that_cannot_be_made_is_told_and_save_as_helps(
    studio, panel, data_folder, qtbot, tmp_path
):
    data_folder.write_bytes(b"a file where the folder should be")
    paint(studio, 1, np.s_[20:40, 10:60])
    qtbot.waitUntil(lambda: "Not saved" in panel.project.line.text(), timeout=3000)
    studio.project.save_as(tmp_path / "place")
    qtbot.waitUntil(lambda: not studio.project.store.pending, timeout=3000)
    qtbot.waitUntil(lambda: "all strokes are saved" in panel.project.line.text(), timeout=3000)
    assert (tmp_path / "place" / "strokes.log").stat().st_size > 50


def test_undo_by_key(painted, panel, viewer, qtbot):
    modifiers = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
    QTest.qWait(50)
    assert panel.project.undo.isEnabled()
    assert not panel.project.redo.isEnabled()
    qtbot.keyClick(canvas(viewer), Qt.Key.Key_Z, modifiers)
    assert painted.desk.counts[2] == 0
    assert panel.project.redo.isEnabled()
    qtbot.keyClick(canvas(viewer), Qt.Key.Key_Z, modifiers | Qt.KeyboardModifier.ShiftModifier)
    assert painted.desk.counts[2] > 0


def test_settings_come_back_into_the_form(painted, panel, viewer, tmp_path):
    from napari_unet.core.settings import changed
    from napari_unet.widgets.project_opening import begin_new, open_into

    panel.settings.fields["training", "batch"].value = 9
    QTest.qWait(600)
    painted.project.save_as(tmp_path / "p")
    begin_new(painted)
    painted.set_settings(changed(painted.settings, "training", batch=2))
    painted.settings_changed.emit()
    assert panel.settings.fields["training", "batch"].value == 2
    open_into(painted, viewer, tmp_path / "p", lambda *_: None)
    assert panel.settings.fields["training", "batch"].value == 9
    assert painted.settings.training.batch == 9


def test_commands_of_the_palette(painted, viewer):
    from napari_unet.widgets import project_commands

    QTest.qWait(50)
    project_commands.undo_stroke(viewer)
    assert painted.desk.counts[2] == 0
    project_commands.redo_stroke(viewer)
    assert painted.desk.counts[2] > 0
    project_commands.new_project(viewer)
    assert len(viewer.layers) == 0


def test_a_zipped_project_is_unpacked_while_the_window_goes_on(
    painted, panel, viewer, tmp_path, monkeypatch, qtbot
):
    painted.project.save_as(tmp_path / "study")
    before = painted.desk.active.paint.data.copy()
    begin_new(painted)
    shutil.make_archive(str(tmp_path / "sent"), "zip", tmp_path, "study")
    may_go_on = threading.Event()

    def slow(path):
        may_go_on.wait(60)
        return unpack(path)

    monkeypatch.setattr("napari_unet.widgets.project_dialogs.unpack", slow)
    chosen = (str(tmp_path / "sent.zip"), "")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: chosen)
    _, _, zipped, _, _ = panel.project.menu_button.menu().actions()
    zipped.trigger()
    assert painted.project.path is None  # the window did not wait
    assert "being unpacked" in painted.lesson.notice
    may_go_on.set()
    qtbot.waitUntil(lambda: painted.project.path == tmp_path / "sent", timeout=20_000)
    assert (painted.desk.active.paint.data == before).all()
    (tmp_path / "sent.zip").write_bytes(b"no zip")
    zipped.trigger()
    qtbot.waitUntil(lambda: "Ask for it again" in painted.lesson.notice, timeout=20_000)


def test_while_a_project_is_copied_the_window_shows_that_it_waits(
    painted, panel, tmp_path, monkeypatch
):
    shapes = []

    def save_as(path):
        shapes.append(QApplication.overrideCursor().shape())
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(painted.project, "save_as", save_as)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "a"), ""))
    panel.project.menu_button.menu().actions()[-1].trigger()
    assert shapes == [Qt.CursorShape.WaitCursor]
    assert QApplication.overrideCursor() is None
    assert "No space left" in painted.lesson.notice


def test_whether_a_plugin_may_open_a_file_is_asked_and_not_is_the_default(panel, monkeypatch):
    asked = []

    def answer(box):
        asked.append((box.text(), box.defaultButton().text()))
        said = answers.pop()
        next(b for b in box.buttons() if b.text() == said).click()

    answers = ["Leave it out", "Allow"]
    monkeypatch.setattr(QMessageBox, "exec", answer)
    assert panel.project._dialogs._may("May it?")
    assert not panel.project._dialogs._may("May it?")
    assert asked == [("May it?", "Leave it out")] * 2
