from __future__ import annotations

import numpy as np
import pytest
import tifffile
from fake_model import model_bytes
from napari.layers import Labels

from napari_unet.core.recipe import Recipe
from napari_unet.engine.host import Host
from napari_unet.engine.messages import Refused
from napari_unet.widgets.batch import BatchWidget


@pytest.fixture
def widget(fake_engine, viewer, tmp_path):
    widget = BatchWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Batch")
    yield widget
    widget.runner.close()


@pytest.fixture
def filled(widget, tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    for name in ("a.tif", "c.tif"):
        tifffile.imwrite(images / name, np.arange(200, dtype=np.uint8).reshape(10, 20))
    for name in ("broken.tif", "notes.txt"):
        (images / name).write_text("")
    model = tmp_path / "model.safetensors"
    model.write_bytes(model_bytes(("background", "cell")))
    form = widget.form
    form.source.value = images
    form.target.value = tmp_path / "labels"
    form.model.value = model
    form.pattern.value = "*.tif"
    return widget


def finish(widget, qtbot):
    widget.start.click()
    qtbot.waitUntil(lambda: "Done" in widget.message.text(), timeout=8000)


def test_each_file_has_a_row_and_errors_say_why(filled, qtbot):
    finish(filled, qtbot)
    assert filled.table.texts() == [
        ["a.tif", "✓ done", "0.1 s", "7", ""],
        ["broken.tif", "✗ failed", "", "", "It is broken."],
        ["c.tif", "✓ done", "0.1 s", "7", ""],
    ]
    assert not filled.table.isColumnHidden(4)
    assert "2 segmented, 1 failed" in filled.message.text()
    assert filled.start.isEnabled()
    assert not filled.runner._own.running


def test_files_that_wait_are_shown_at_once_and_progress_is_told(filled, qtbot):
    said, states = [], []
    filled.runner.told.connect(lambda _: said.append(filled.message.text()))
    filled.runner.told.connect(lambda _: states.append([row[1] for row in filled.table.texts()]))
    finish(filled, qtbot)
    assert states[0] == ["waits", "waits", "waits"]
    assert states[1] == ["50%", "waits", "waits"]
    assert "1 of 3 files" in said
    assert filled.bar.value() == filled.bar.maximum() == 3000


def test_it_can_be_cancelled(filled, qtbot):
    filled.start.click()
    assert not filled.form.isEnabled()
    process = filled.runner._own._link.process
    filled.cancel.click()
    assert "Cancelled" in filled.message.text()
    qtbot.waitUntil(lambda: process.poll() is not None, timeout=5000)
    assert filled.start.isEnabled()


def test_a_double_click_opens_a_file_with_its_results(filled, viewer, qtbot):
    filled.form.kinds["objects"].value = True
    finish(filled, qtbot)
    filled.table.doubleClicked.emit(filled.table.model().index(1, 0))  # the broken one
    assert len(viewer.layers) == 0
    filled.table.doubleClicked.emit(filled.table.model().index(2, 0))
    assert [layer.name for layer in viewer.layers] == ["c", "c classes", "c objects"]
    assert isinstance(viewer.layers[1], Labels)


def test_the_preview_shows_the_first_file_and_writes_nothing(filled, viewer, qtbot, tmp_path):
    filled.preview.click()
    qtbot.waitUntil(lambda: "first file" in filled.message.text(), timeout=8000)
    assert [layer.name for layer in viewer.layers] == ["a", "a classes"]
    assert filled.table.texts() == []
    assert not (tmp_path / "labels").exists()


def test_what_the_form_says(filled, tmp_path):
    form = filled.form
    form.deep.value = True
    form.kinds["objects"].value = form.kinds["measurements"].value = True
    form.kinds["classes"].value = False
    form.format.value = "ome-zarr"
    form.channels.value, form.of.value = "1, 3", "2"
    form.objects["smallest"].value = 5
    form.cluster.value = "tcp://host:8786"
    command = form.command()
    assert command.recipe == Recipe(
        ("objects", "measurements"), "ome-zarr", (1, 3), (2,), command.recipe.objects
    )
    assert command.recipe.objects.smallest == 5
    assert (command.deep, command.cluster, command.pattern) == (True, "tcp://host:8786", "*.tif")


def test_fields_that_do_not_matter_are_hidden(filled):
    form = filled.form
    assert not form._more.isRowVisible(form.of.native)
    form.kinds["measurements"].value = True
    assert form._more.isRowVisible(form.of.native)
    form.origin.value = form.origin.choices[1]
    assert not form._form.isRowVisible(form.model.native)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda form, there: form.channels.__setattr__("value", "red"), "no numbers of channels"),
        (lambda form, there: form.kinds["classes"].__setattr__("value", False), "what to write"),
        (lambda form, there: form.source.__setattr__("value", there / "no"), "There is no folder"),
        (lambda form, there: form.model.__setattr__("value", there / "no"), "cannot be read"),
    ],
)
def test_what_is_wrong_is_told(filled, tmp_path, spoil, sentence):
    spoil(filled.form, tmp_path)
    filled.start.click()
    assert sentence in filled.message.text()
    assert not filled.runner.running


def test_what_is_missing_is_told(widget, tmp_path):
    widget.start.click()
    assert "Choose the folder with the images" in widget.message.text()
    widget.form.source.value = tmp_path
    widget.start.click()
    assert "Choose a model file" in widget.message.text()
    model = tmp_path / "model.safetensors"
    model.write_bytes(model_bytes(("background", "cell")))
    widget.form.model.value = model
    widget.start.click()
    assert "folder for the results" in widget.message.text()


def test_a_file_that_is_no_model_is_told(filled, tmp_path):
    wrong = tmp_path / "wrong.safetensors"
    wrong.write_text("x")
    filled.form.model.value = wrong
    filled.start.click()
    assert "not a napari-unet model" in filled.message.text()


def test_without_a_panel_there_is_no_model_in_training(filled):
    filled.form.origin.value = filled.form.origin.choices[1]
    filled.start.click()
    assert "no model being trained" in filled.message.text()


def test_the_model_in_training_can_be_used(painted, viewer, tmp_path, qtbot):
    (tmp_path / "a.tif").write_text("")
    widget = BatchWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Batch")
    form = widget.form
    form.source.value, form.target.value = tmp_path, tmp_path / "out"
    form.pattern.value = "*.tif"
    form.origin.value = form.origin.choices[1]
    finish(widget, qtbot)
    assert painted.keeper.running


@pytest.fixture
def away(painted, closed, viewer, tmp_path, qtbot):
    """A batch with the model in training, which is on another machine."""
    painted.care.move(Host("lab"))
    qtbot.waitUntil(lambda: painted.keeper.host is not None, timeout=10000)
    qtbot.waitUntil(lambda: painted.lesson.report.answered, timeout=10000)
    (tmp_path / "a.tif").write_text("")
    widget = BatchWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Batch")
    form = widget.form
    form.source.value, form.target.value = tmp_path, tmp_path / "out"
    form.pattern.value = "*.tif"
    form.origin.value = form.origin.choices[1]
    yield widget
    widget.runner.close()


def test_folders_are_segmented_here_with_the_model_from_elsewhere(away, painted, qtbot):
    sent = []
    post = away.runner._own.post
    away.runner._own.post = lambda command: (sent.append(command), post(command))
    finish(away, qtbot)
    assert "1 segmented" in away.message.text()
    assert sent[-1].model == model_bytes(painted.roster.classes.names)
    assert not away.runner._own.running


def test_a_line_that_breaks_before_the_model_came_is_told(away, painted, closed, qtbot):
    painted.lesson._post = lambda command: None  # it will not come
    away.start.click()
    assert "Starting on this machine" in away.message.text()
    painted.keeper._link.process.kill()
    qtbot.waitUntil(lambda: "connection to lab was lost" in away.message.text(), timeout=10000)
    assert away.start.isEnabled()


def test_a_model_that_does_not_come_ends_the_waiting(away, painted):
    painted.lesson._post = lambda command: None  # it will not come
    away.start.click()
    painted.lesson.hear(Refused("Two classes are needed."))  # of something else
    assert "did not come" not in away.message.text()
    painted.lesson.hear(Refused("It has two channels.", withheld=True))
    assert "The model did not come from the engine. Start again." in away.message.text()
    assert away.start.isEnabled()
