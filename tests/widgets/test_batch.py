from __future__ import annotations

import pytest
from fake_model import model_bytes

from napari_unet.widgets.batch import BatchWidget


@pytest.fixture
def widget(fake_engine, viewer, tmp_path):
    widget = BatchWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Batch")
    yield widget
    widget._own.close()


@pytest.fixture
def filled(widget, tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    for name in ("a.tif", "broken.tif", "c.tif", "notes.txt"):
        (images / name).write_text("")
    model = tmp_path / "model.safetensors"
    model.write_bytes(model_bytes(("background", "cell")))
    widget.source.value = images
    widget.target.value = tmp_path / "labels"
    widget.model.value = model
    widget.pattern.setText("*.tif")
    return widget


def table(widget):
    t = widget.table
    return [(t.item(r, 0).text(), t.item(r, 1).text()) for r in range(t.rowCount())]


def test_each_file_has_a_row_and_errors_say_why(filled, qtbot):
    filled.start.click()
    qtbot.waitUntil(lambda: "Done" in filled.message.text(), timeout=8000)
    assert [name for name, _ in table(filled)] == ["a.tif", "broken.tif", "c.tif"]
    assert "It is broken." in table(filled)[1][1]
    assert "2 segmented, 1 failed" in filled.message.text()
    assert filled.start.isEnabled()
    assert not filled._own.running


def test_it_can_be_cancelled(filled, qtbot):
    filled.start.click()
    process = filled._own._link.process
    filled.cancel.click()
    assert "Cancelled" in filled.message.text()
    qtbot.waitUntil(lambda: process.poll() is not None, timeout=5000)
    assert filled.start.isEnabled()


def test_a_folder_that_is_not_there_is_told(filled, tmp_path):
    filled.source.value = tmp_path / "nowhere"
    filled.start.click()
    assert "There is no folder" in filled.message.text()
    assert not filled._own.running


def test_what_is_missing_is_told(widget, tmp_path):
    widget.start.click()
    assert "choose the folder with the images" in widget.message.text()
    widget.source.value = tmp_path
    widget.start.click()
    assert "folder for the results" in widget.message.text()
    widget.target.value = tmp_path / "out"
    widget.start.click()
    assert "Choose a model file" in widget.message.text()


def test_a_file_that_is_no_model_is_told(filled, tmp_path):
    wrong = tmp_path / "wrong.safetensors"
    wrong.write_text("x")
    filled.model.value = wrong
    filled.start.click()
    assert "not a napari-unet model" in filled.message.text()


def test_without_a_panel_there_is_no_model_in_training(filled):
    filled.origin.setCurrentIndex(1)
    filled.start.click()
    assert "no model being trained" in filled.message.text()


def test_the_model_in_training_can_be_used(painted, viewer, tmp_path, qtbot):
    (tmp_path / "a.tif").write_text("")
    widget = BatchWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Batch")
    widget.source.value, widget.target.value = tmp_path, tmp_path / "out"
    widget.pattern.setText("*.tif")
    widget.origin.setCurrentIndex(1)
    widget.start.click()
    qtbot.waitUntil(lambda: "1 segmented" in widget.message.text(), timeout=8000)
    assert painted.keeper.running
