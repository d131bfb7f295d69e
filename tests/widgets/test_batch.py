from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from fake_model import model_bytes
from napari.layers import Labels
from qtpy.QtWidgets import QApplication

from napari_unet.core.objects_settings import ObjectSettings
from napari_unet.core.recipe import Recipe
from napari_unet.core.settings import changed
from napari_unet.engine.host import Host
from napari_unet.engine.messages import (
    FileSegmented,
    FolderFound,
    FolderSegmented,
    Refused,
)
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
    filled.table.activated.emit(filled.table.model().index(1, 0))  # the broken one
    assert len(viewer.layers) == 0
    filled.table.activated.emit(filled.table.model().index(2, 0))
    assert [layer.name for layer in viewer.layers] == ["c", "c classes", "c objects"]
    assert isinstance(viewer.layers[1], Labels)


def test_the_preview_shows_the_first_file_and_writes_nothing(filled, viewer, qtbot, tmp_path):
    filled.preview.click()
    qtbot.waitUntil(lambda: "first file" in filled.message.text(), timeout=8000)
    assert [layer.name for layer in viewer.layers] == ["a", "a classes"]
    assert filled.table.texts() == []
    assert not (tmp_path / "labels").exists()


def test_each_preview_has_a_folder_of_its_own(filled, viewer, qtbot):
    targets, start = [], filled.runner.start
    filled.runner.start = lambda command: (targets.append(Path(command.target)), start(command))
    for number in (1, 2):
        filled.message.setText("")
        filled.preview.click()
        qtbot.waitUntil(lambda: "first file" in filled.message.text(), timeout=8000)
        assert len(viewer.layers) == 2 * number
    first, second = targets
    assert first != second
    assert first.is_dir()  # as layers read it


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
def shared(painted, viewer, tmp_path):
    """A batch on the panel's engine, which does nothing with it."""
    painted.keeper.post = lambda command: None
    widget = BatchWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Batch")
    form = widget.form
    form.source.value, form.target.value = tmp_path, tmp_path / "out"
    form.use_panel(None, ObjectSettings())
    widget.start.click()
    assert widget.runner.running
    return widget


def told(widget, *events):
    widget._studio.keeper.received.emit(list(events))


def test_the_command_has_the_settings_that_change_labels(shared, painted, tmp_path):
    shared.copy.click()
    assert "--no-mirrors" not in QApplication.clipboard().text()
    painted.set_settings(changed(painted.settings, "compute", mirrors=False, precision="fp32"))
    shared.copy.click()
    line = QApplication.clipboard().text()
    assert line.endswith("--no-mirrors --precision fp32")
    assert "--model model.safetensors" in line
    assert "Save the model as model.safetensors first." in shared.message.text()


def test_training_that_waits_is_told(shared):
    assert "Training waits" in shared.message.text()
    run = shared.runner._run
    told(shared, FolderFound(("a", "b"), run), FileSegmented("a", "a", 1, 2, 0.1, run=run))
    assert shared.message.text().startswith("1 of 2 files")
    assert "Training waits" in shared.message.text()


def test_what_the_engine_refuses_besides_ends_no_batch(shared):
    told(shared, Refused("This image has two channels.", "7:0"), Refused("It is no model."))
    assert shared.runner.running
    told(shared, Refused("There is no folder x.", run=shared.runner._run))
    assert not shared.runner.running
    assert shared.message.text() == "There is no folder x."


def test_the_late_end_of_a_batch_that_was_cancelled_ends_no_other(shared):
    first = shared.runner._run
    shared.cancel.click()
    shared.start.click()
    second = shared.runner._run
    told(
        shared,
        FileSegmented("x", "x", 1, 2, 0.1, run=first),
        FolderSegmented(1, 0, 0, cancelled=True, run=first),
    )
    assert shared.runner.running
    assert shared.table.texts() == []
    told(shared, FolderFound(("a",), second), FolderSegmented(1, 0, 0, cancelled=False, run=second))
    assert "Done: 1 segmented" in shared.message.text()


def test_a_batch_whose_place_another_took_is_told_so(shared, viewer):
    other = BatchWidget(viewer)
    viewer.window.add_dock_widget(other, name="Another")
    other.runner.start(shared.form.command())
    told(shared, FolderFound(("a",), other.runner._run))
    assert "took the place" in shared.message.text()
    assert not shared.runner.running
    assert other.runner.running


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


def test_objects_of_the_batch_are_those_of_the_panel(painted, viewer):
    widget = BatchWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Batch")
    painted.object_settings = ObjectSettings(smallest=140, strength=0.5)
    widget.use_panel()
    assert widget.form.objects["smallest"].value == 140
    assert widget.form.objects["strength"].value == 0.5
