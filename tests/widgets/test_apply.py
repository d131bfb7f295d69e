from __future__ import annotations

import numpy as np
import pytest
from fake_model import model_bytes

from napari_unet.widgets.apply import ApplyWidget


@pytest.fixture
def widget(fake_engine, viewer, image):
    viewer.add_image(image, name="halves")
    widget = ApplyWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Apply model")
    yield widget
    widget._keeper.close()


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


def test_an_image_that_cannot_be_used_is_told(widget, viewer, model, qtbot):
    layer = viewer.add_image(np.full((30, 30), 7, np.uint8), name="grey")
    widget.image.show_layer(layer)
    widget.model.value = model
    widget.start.click()
    qtbot.waitUntil(lambda: "same value" in widget.message.text(), timeout=5000)
    assert widget.start.isEnabled()


def test_closing_it_ends_the_engine(widget, viewer, model, qtbot):
    widget.model.value = model
    widget.start.click()
    process = widget._keeper._link.process
    viewer.window.remove_dock_widget(widget)
    qtbot.waitUntil(lambda: process.poll() is not None, timeout=5000)
