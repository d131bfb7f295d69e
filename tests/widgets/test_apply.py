from __future__ import annotations

import shlex
import zipfile

import numpy as np
import pytest
import tifffile
from fake_model import model_bytes
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QMessageBox

from napari_unet.engine.host import Host
from napari_unet.engine.messages import SegmentImage
from napari_unet.widgets import notices
from napari_unet.widgets.apply import ApplyWidget
from napari_unet.widgets.model_source import open_source


@pytest.fixture
def widget(fake_engine, viewer, image):
    viewer.add_image(image, name="halves")
    widget = ApplyWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Apply model")
    yield widget
    widget._keeper.close()
    widget._studio.keeper.close()


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(model_bytes(("background", "cell")))
    return path


def test_it_segments_into_a_layer_and_ends_its_engine(widget, viewer, model, qtbot):
    widget.model.value = model
    widget.start.click()
    assert not widget.start.isEnabled()
    process = widget._keeper._link.process
    qtbot.waitUntil(lambda: "halves segmentation" in viewer.layers, timeout=8000)
    labels = viewer.layers["halves segmentation"].data
    assert (labels[:, 130:] == 2).all()
    assert (labels[:, :110] == 1).all()
    assert "Done" in widget.message.text()
    assert widget.start.isEnabled()
    qtbot.waitUntil(lambda: process.poll() is not None, timeout=5000)


def test_it_can_be_cancelled(widget, viewer, model, qtbot):
    widget.model.value = model
    widget.start.click()
    widget.cancel.click()
    assert "Cancelled" in widget.message.text()
    qtbot.wait(200)
    assert "halves segmentation" not in viewer.layers


def test_it_says_what_is_missing(widget):
    widget.start.click()
    assert "Choose a model file" in widget.message.text()
    widget.image.show_layer(None)
    widget.start.click()
    assert "Choose the image" in widget.message.text()


def test_a_file_that_is_no_model_is_refused_before_anything_starts(widget, tmp_path):
    wrong = tmp_path / "notes.txt"
    wrong.write_text("hello")
    widget.model.value = wrong
    widget.start.click()
    assert "not a napari-unet model" in widget.message.text()
    assert not widget._keeper.running


def test_a_model_of_other_channels_is_refused_before_anything_starts(widget, tmp_path):
    path = tmp_path / "colour.safetensors"
    path.write_bytes(model_bytes(("background", "cell"), channels=3))
    widget.model.value = path
    widget.start.click()
    assert "trained on images of 3 channels, this image has 1" in widget.message.text()
    assert not widget._keeper.running


def test_an_image_that_cannot_be_used_is_told(widget, viewer, model, qtbot):
    layer = viewer.add_image(np.full((30, 30), 7, np.uint8), name="grey")
    widget.image.show_layer(layer)
    widget.model.value = model
    widget.start.click()
    qtbot.waitUntil(lambda: "same value" in widget.message.text(), timeout=5000)
    assert widget.start.isEnabled()


def test_it_computes_where_the_panel_does(widget, viewer, model, closed, qtbot):
    widget._studio.care.move(Host("lab"))
    widget.model.value = model
    widget.start.click()
    assert widget._keeper.host == Host("lab")
    qtbot.waitUntil(lambda: "halves segmentation" in viewer.layers, timeout=8000)


def test_a_machine_out_of_reach_is_told(widget, model, closed, qtbot):
    closed.touch()
    widget._studio.care.move(Host("lab"))
    widget.model.value = model
    widget.start.click()
    qtbot.waitUntil(lambda: "lab refuses ssh" in widget.message.text(), timeout=8000)
    assert widget.start.isEnabled()
    assert not widget._keeper.running


def test_closing_it_ends_the_engine(widget, viewer, model, qtbot):
    widget.model.value = model
    widget.start.click()
    process = widget._keeper._link.process
    viewer.window.remove_dock_widget(widget)
    qtbot.waitUntil(lambda: process.poll() is not None, timeout=5000)


@pytest.fixture
def package(tmp_path):
    """Makes a package whose description names these weights."""
    pytest.importorskip("yaml", reason="needs the extra bioimageio")

    def make(*formats):
        path = tmp_path / "package.zip"
        weights = "\n".join(f"  {name}: {{source: w}}" for name in formats)
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("rdf.yaml", f"type: model\nweights:\n{weights}\n")
        return path

    return make


def test_a_package_is_handed_to_the_engine(widget, package, qtbot, monkeypatch):
    posted = []
    monkeypatch.setattr(widget._keeper, "post", posted.append)
    widget._segmenter._post = posted.append
    widget.model.value = package("onnx", "torchscript")
    widget.start.click()
    qtbot.waitUntil(lambda: any(isinstance(p, SegmentImage) for p in posted), timeout=5000)
    (command,) = [p for p in posted if isinstance(p, SegmentImage)]
    assert command.package == str(widget.model.value)
    assert not command.trusted


@pytest.mark.parametrize("yes", [True, False])
def test_programs_in_packages_are_asked_about(widget, package, monkeypatch, yes):
    button = QMessageBox.StandardButton
    monkeypatch.setattr(QMessageBox, "question", lambda *a, **k: button.Yes if yes else button.No)
    opened = open_source(package("torchscript"), widget.channels.images, widget)
    assert opened is None if not yes else opened.trusted


def test_weights_that_need_foreign_code_are_refused(widget, package):
    widget.model.value = package("pytorch_state_dict")
    widget.start.click()
    assert "Python files are not run" in widget.message.text()
    assert not widget._keeper.running


def test_further_layers_are_channels(widget, viewer, model, image, monkeypatch):
    viewer.add_image(image[::-1].copy(), name="red")
    viewer.add_image(image[:50], name="small")
    widget.image.show_layer(viewer.layers["halves"])
    widget._refresh()
    assert [layer.name for layer in widget.channels.candidates] == ["red"]
    widget.channels._fill()
    widget.channels._menu.actions()[0].trigger()
    assert widget.channels.text() == "+ red"
    started = []
    monkeypatch.setattr(widget._segmenter, "start", lambda images, *_, **__: started.append(images))
    model.write_bytes(model_bytes(("background", "cell"), channels=2))
    widget.model.value = model
    widget.start.click()
    assert [layer.name for layer in started[0]] == ["halves", "red"]
    viewer.layers.remove("red")
    assert widget.channels.text() == "this layer only"


def test_channels_of_the_panel_are_taken_over(widget, viewer, image):
    red = viewer.add_image(image[::-1].copy(), name="red")
    widget._studio.choose([red, viewer.layers["halves"]])
    widget.image.show_layer(red)
    widget._refresh()
    assert widget.channels.text() == "+ halves"


def test_the_command_that_does_the_same(widget, viewer, model, package, tmp_path, image):
    widget.copy.click()
    assert "Choose a model file" in widget.message.text()
    widget.model.value = model
    widget.copy.click()
    assert "no file that a command could read" in widget.message.text()
    path = tmp_path / "a b.tif"
    tifffile.imwrite(path, image)
    (layer,) = viewer.open(path, plugin="napari")
    widget.image.show_layer(layer)
    widget.copy.click()
    words = shlex.split(QApplication.clipboard().text())
    assert words[:3] == ["napari-unet", "segment", str(path)]
    assert words[3:] == ["--model", str(model), "--out", "results"]
    widget.model.value = package("torchscript")
    widget.copy.click()
    assert "--trust" in widget.message.text()
    assert "--trust" not in QApplication.clipboard().text()


def test_trouble_is_notified_only_where_the_dock_is_out_of_sight(widget, viewer, monkeypatch):
    told = []
    monkeypatch.setattr(notices, "warn", told.append)
    widget.model.value = "nothing.safetensors"
    viewer.window._qt_window.show()
    QTest.qWait(200)
    widget.start.click()
    assert "nothing.safetensors" in widget.message.text()
    assert not told
    widget.parentWidget().hide()
    widget.start.click()
    assert told
