from __future__ import annotations

import io
import struct
import sys
from types import SimpleNamespace

import msgspec
import pytest
from fake_model import model_bytes
from qtpy.QtWidgets import QApplication

from napari_unet.core.header import read_front, read_header, seal
from napari_unet.core.package.labelling import Label
from napari_unet.widgets import share_button
from napari_unet.widgets.project_models import BEGUN
from napari_unet.widgets.share_button import ShareButton

WRITER = "import sys; open(sys.argv[sys.argv.index('--out') + 1], 'w').write(' '.join(sys.argv))"
REFUSER = "import sys; sys.exit('napari-unet: There is no room on the disk.')"


def model(made):
    plain = read_header(model_bytes(("background", "cell")))
    header = msgspec.json.encode(msgspec.structs.replace(plain, made=made)).decode()
    return seal(struct.pack("<Q", 2) + b"{}", header)


class Lesson:
    def __init__(self):
        self.said, self.told = [], []
        self.made = {"steps": 12, "begun with": "bundled weights"}

    def hand_over(self, then, loss):
        then(model(self.made))

    def complain(self, sentence):
        self.said.append(sentence)

    def say(self, sentence):
        self.told.append(sentence)

    confirm = say


@pytest.fixture
def button(qtbot, tmp_path):
    """The button on a stand-in for the studio."""
    from napari_unet.core.settings import Settings

    project = type("Project", (), {"path": tmp_path / "project"})()
    desk = SimpleNamespace(planes=SimpleNamespace(volumes=False))
    studio = SimpleNamespace(lesson=Lesson(), settings=Settings(), project=project, desk=desk)
    made = ShareButton(studio)
    qtbot.addWidget(made)
    return made


def run(button, code, monkeypatch, qtbot, path, label=Label(authors=("Ada L.",))):  # noqa: B008
    monkeypatch.setattr(share_button, "command_line", (sys.executable, "-c", code))
    button.package(label, path)
    qtbot.waitUntil(lambda: button._process is None, timeout=60_000)


def test_a_package_is_written_by_another_process(button, monkeypatch, qtbot, tmp_path):
    path = tmp_path / "cell.zip"
    run(button, WRITER, monkeypatch, qtbot, path)
    words = path.read_text()
    assert "export" in words
    assert "--author Ada L." in words
    assert button._studio.lesson.told[-1] == f"The package is written: {path}."
    assert button.export.isEnabled()


def test_what_went_wrong_is_told(button, monkeypatch, qtbot, tmp_path):
    run(button, REFUSER, monkeypatch, qtbot, tmp_path / "cell.zip")
    assert button._studio.lesson.said == ["There is no room on the disk."]
    button.package(Label(), tmp_path / "cell.zip")
    assert "author" in button._studio.lesson.said[-1]


def test_a_second_package_does_not_push_the_first_aside(button, monkeypatch, qtbot, tmp_path):
    first, second, label = tmp_path / "one.zip", tmp_path / "two.zip", Label(authors=("Ada L.",))
    monkeypatch.setattr(share_button, "command_line", (sys.executable, "-c", WRITER))
    button.package(label, first)
    button.package(label, second)
    assert f"{second} is not written" in button._studio.lesson.said[-1]
    qtbot.waitUntil(lambda: button._process is None, timeout=60_000)
    assert first.exists()
    assert not second.exists()


def test_command_and_methods_are_copied(button):
    button.command.trigger()
    assert "napari-unet train --project" in QApplication.clipboard().text()
    assert "--steps 12" in QApplication.clipboard().text()
    button.methods.trigger()
    assert "segmented into background and cell" in QApplication.clipboard().text()


def test_a_command_begins_with_the_model_that_was_loaded(button, tmp_path):
    loaded = model({"steps": 40})
    checksum = read_front(io.BytesIO(loaded)).checksum
    made = {"steps": 3, "begun with": "a model", "parent": "cells", "parent checksum": checksum}
    button._studio.lesson.made = made
    QApplication.clipboard().setText("before")
    button.command.trigger()
    assert QApplication.clipboard().text() == "before"
    assert "cells, of which the project has no copy" in button._studio.lesson.said[-1]
    kept = tmp_path / "project" / BEGUN
    kept.parent.mkdir(parents=True)
    kept.write_bytes(loaded)
    button.command.trigger()
    assert f"--steps 3 --init {kept}" in QApplication.clipboard().text()


def test_what_was_learnt_from_volumes_has_no_command(button):
    button._studio.desk.planes.volumes = True
    QApplication.clipboard().setText("before")
    button.command.trigger()
    assert QApplication.clipboard().text() == "before"
    assert "slice by slice" in button._studio.lesson.said[-1]
