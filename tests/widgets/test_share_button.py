from __future__ import annotations

import io
import json
import struct
import sys
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest
from fake_model import model_bytes
from napari.layers import Image
from qtpy.QtWidgets import QApplication

from napari_unet.cli.parser import build_parser
from napari_unet.core.front import read_front, read_header, seal
from napari_unet.core.package.labelling import Label
from napari_unet.widgets import export_form, share_button
from napari_unet.widgets.project_models import BEGUN
from napari_unet.widgets.share_button import ShareButton

WRITER = "import sys; open(sys.argv[sys.argv.index('--out') + 1], 'w').write(' '.join(sys.argv))"
REFUSER = "import sys; sys.exit('napari-unet: There is no room on the disk.')"

TELLER = """
import json, sys, numpy
words, flags = sys.argv, ("--out", "--sample")
at = {flag: words[words.index(flag) + 1] for flag in flags if flag in words}
sample = numpy.load(at["--sample"]).tolist() if "--sample" in at else None
json.dump({"words": sys.argv[1:], "sample": sample}, open(at["--out"], "w"))
"""


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


def exported(button, monkeypatch, qtbot, path, **values):
    """What the export is told if its form says so."""
    said = {"title": "Cells", "authors": "Ada L., G. H.", "licence": "MIT", "about": "cells"}
    said |= {"data": "", "sample": False, "tiles": False}
    asked = {}
    monkeypatch.setattr(
        export_form, "request_values", lambda **form: asked.update(form["values"]) or said | values
    )
    monkeypatch.setattr(share_button.QFileDialog, "getSaveFileName", lambda *_: (str(path), "zip"))
    monkeypatch.setattr(share_button, "command_line", (sys.executable, "-c", TELLER))
    button.export.trigger()
    qtbot.waitUntil(lambda: button._process is None, timeout=60_000)
    assert set(asked) == set(said)
    return build_parser().parse_args(json.loads(path.read_text())["words"])


def test_the_form_has_all_that_the_command_line_has(button, monkeypatch, qtbot, tmp_path):
    told = exported(button, monkeypatch, qtbot, tmp_path / "a.zip", data="https://doi.org/1")
    assert told.author == ["Ada L.", "G. H."]
    assert (told.title, told.license, told.about) == ("Cells", "MIT", "cells")
    assert (told.data, told.sample, told.purpose) == ("https://doi.org/1", None, "whole")


def test_what_was_typed_stays_in_the_form_until_it_can_be_used(button, monkeypatch):
    typed = [{"title": "Cells", "authors": " , "}, {"title": "Cells", "authors": "Ada L."}, {}]
    rest = {"licence": "MIT", "about": "cells", "data": "", "sample": True, "tiles": False}
    shown, warned = [], []

    def ask(*, values, **_):
        shown.append({name: field["value"] for name, field in values.items()})
        said = typed.pop(0)
        return said and said | rest

    monkeypatch.setattr(export_form, "request_values", ask)
    monkeypatch.setattr(export_form.QMessageBox, "warning", lambda *words: warned.append(words[2]))
    label, values = export_form.ask_label(button)
    assert "author" in warned[0]
    assert shown[1] == {"title": "Cells", "authors": " , "} | rest
    assert (label.authors, values["sample"]) == (("Ada L.",), True)
    assert export_form.ask_label(button) is None


@pytest.mark.parametrize(
    ("shape", "part"),
    [((40, 50), (40, 50)), ((2000, 50), (1024, 50)), ((3, 40, 50), (40, 50)),
     ((40, 50, 3), (40, 50, 3))],
)  # fmt: skip
def test_the_middle_of_the_open_image_is_shown(button, monkeypatch, qtbot, tmp_path, shape, part):
    pixels = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
    layer = Image(pixels, rgb=shape[-1] == 3)
    index = (1,) if shape[0] == 3 else ()
    strokes = SimpleNamespace(current=index)
    button._studio.desk.active = SimpleNamespace(images=(layer,), strokes=strokes)
    path = tmp_path / "a.zip"
    told = exported(button, monkeypatch, qtbot, path, sample=True, tiles=True)
    assert (told.sample.suffix, told.purpose) == (".npy", "tiles")
    assert not told.sample.exists()  # it was for the export only
    plane = pixels[index]
    start = (len(plane) - part[0]) // 2
    shown = json.loads(path.read_text())["sample"]
    np.testing.assert_array_equal(shown, plane[start : start + part[0]])


def test_what_cannot_be_shown_is_told(button, monkeypatch, qtbot, tmp_path):
    button._studio.desk.active = None
    with pytest.raises(FileNotFoundError):
        exported(button, monkeypatch, qtbot, tmp_path / "a.zip", sample=True)
    assert "no image is open to show a part of" in button._studio.lesson.said[-1]
    layers = [Image(np.zeros((9, 9)), name=name) for name in ("a", "b")]
    strokes = SimpleNamespace(current=())
    button._studio.desk.active = SimpleNamespace(images=layers, strokes=strokes)
    with pytest.raises(FileNotFoundError):
        exported(button, monkeypatch, qtbot, tmp_path / "a.zip", sample=True)
    assert "has 2 channels" in button._studio.lesson.said[-1]


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
