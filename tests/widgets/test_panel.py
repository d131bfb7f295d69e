from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hands import paint, stroke
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractButton, QFileDialog, QMessageBox

from napari_unet.core.settings import knobs
from napari_unet.widgets.guidance import Learning


def rows(panel):
    table = panel.classes.table
    return [(table.item(r, 0).text(), table.item(r, 1).text()) for r in range(table.rowCount())]


def test_without_an_image_it_says_to_open_one(panel):
    assert panel.guide.title.text() == "1 · Open an image"
    assert not panel.training.train.isEnabled()


def test_an_image_that_is_alone_is_chosen(studio, panel, viewer):
    assert panel.image.image.layer is viewer.layers["halves"]
    assert panel.guide.title.text() == "2 · Paint a few strokes of each class"
    assert viewer.layers.selection.active is studio.desk.active.paint
    assert studio.desk.active.paint.mode == "paint"


def test_of_two_images_none_is_chosen_for_the_user(panel, viewer, image, qtbot):
    viewer.add_image(image, name="one")
    viewer.add_image(image, name="two")
    qtbot.wait(300)
    assert panel.studio.desk.active is None
    assert panel.guide.title.text() == "1 · Choose the image"
    combo = panel.image.image
    combo.setCurrentIndex(1)
    combo.activated.emit(1)
    assert panel.studio.desk.active.image.name == "two"


def test_the_combo_follows_the_layers(studio, panel, viewer, image):
    combo = panel.image.image
    viewer.add_image(image, name="more")
    assert combo.count() == 3
    viewer.layers["more"].name = "less"
    assert "less" in [combo.itemText(i) for i in range(combo.count())]
    assert combo.layer is viewer.layers["halves"]
    viewer.layers.remove("less")
    assert combo.count() == 2


def test_layers_of_the_same_size_can_be_channels(studio, panel, viewer, image, qtbot):
    assert panel.image.channels.isHidden()
    viewer.add_image(image, name="second")
    viewer.add_image(image[:50], name="small")
    panel.image.channels._fill()
    (action,) = panel.image.channels._menu.actions()
    action.trigger()
    assert [layer.name for layer in studio.desk.active.images] == ["halves", "second"]
    assert panel.image.channels.text() == "+ second"
    assert sum("strokes" in layer.name for layer in viewer.layers) == 1


def test_a_click_on_a_class_paints_it(studio, panel, viewer):
    viewer.layers.selection.active = viewer.layers["halves"]
    panel.classes.table.cellClicked.emit(1, 0)
    assert viewer.layers.selection.active is studio.desk.active.paint
    assert studio.desk.active.paint.selected_label == 2
    assert studio.desk.active.paint.mode == "paint"


def test_a_label_chosen_in_napari_marks_its_row(studio, panel):
    studio.desk.active.paint.selected_label = 2
    assert panel.classes.table.currentRow() == 1


def test_painted_pixels_are_counted(studio, panel, qtbot):
    assert rows(panel) == [("background", "–"), ("cell", "–")]
    paint(studio, 1, np.s_[:40, :50])
    qtbot.waitUntil(lambda: rows(panel)[0][1] == "2,000 px", timeout=3000)


def test_classes_are_added_renamed_and_removed(studio, panel):
    panel.classes.add.click()
    assert rows(panel)[2][0] == "class 3"
    panel.classes.table.item(2, 0).setText("nucleus")
    assert studio.roster.classes.names == ("background", "cell", "nucleus")
    assert studio.roster.selected == 3
    panel.classes.remove.click()
    assert studio.roster.classes.names == ("background", "cell")
    assert not panel.classes.remove.isEnabled()


def test_a_name_that_is_taken_is_put_back(studio, panel):
    panel.classes.table.item(1, 0).setText("background")
    assert rows(panel)[1][0] == "cell"
    assert "already" in panel.guide.sentence.text()


def test_recolouring_reaches_the_layers(studio, panel):
    studio.roster.set(studio.roster.classes.recoloured(2, "#ff0000"))
    for layer in (studio.desk.active.paint, studio.desk.active.prediction):
        assert np.allclose(layer.get_color(2), (1, 0, 0, 1))


def test_train_needs_two_classes_and_then_toggles(studio, panel, qtbot):
    train = panel.training.train
    paint(studio, 1, np.s_[20:40, 10:60])
    qtbot.waitUntil(lambda: "second" in panel.guide.title.text(), timeout=3000)
    assert not train.isEnabled()
    paint(studio, 2, np.s_[20:40, 150:200])
    qtbot.waitUntil(train.isEnabled, timeout=3000)
    train.click()
    assert train.text() == "Pa&use"
    qtbot.waitUntil(lambda: "Held-out strokes" in panel.scores.score.text(), timeout=5000)
    train.click()
    assert train.text() == "&Train"
    assert studio.lesson.learning is Learning.PAUSED


@pytest.mark.parametrize(("button", "left"), [("Keep", True), ("Forget", False)])
def test_reset_asks_first(painted, panel, qtbot, monkeypatch, button, left):
    painted.train()
    qtbot.waitUntil(lambda: painted.lesson.report.step > 2, timeout=5000)
    painted.lesson.pause()

    def answer(box):
        (chosen,) = [b for b in box.buttons() if b.text() == button]
        chosen.click()

    monkeypatch.setattr(QMessageBox, "exec", answer)
    panel.training.reset.click()
    assert (painted.lesson.report.step > 0) is left


def test_the_curve_shows_once_there_is_something(painted, panel, qtbot):
    panel.window().show()
    assert panel.scores.curve.isHidden()
    painted.train()
    qtbot.waitUntil(lambda: len(painted.lesson.report.scores) > 2, timeout=5000)
    qtbot.waitUntil(lambda: np.size(panel.scores.curve.score.xData) > 2, timeout=5000)
    assert panel.scores.curve.isVisible()


def test_new_strokes_are_told_of_and_drawn_in_the_curve(painted, panel, qtbot):
    panel.window().show()
    for row in (100, 120):
        paint(painted, 1, np.s_[row : row + 5, 10:30])
        count = len(painted.lesson.report.agreements) + 1
        qtbot.waitUntil(
            lambda count=count: len(painted.lesson.report.agreements) == count, timeout=5000
        )
    qtbot.waitUntil(lambda: np.size(panel.scores.curve.agreement.xData) == 2, timeout=5000)
    assert panel.scores.curve.agreement.yData.tolist() == [80, 80]
    assert "your last 2 strokes, 80" in panel.scores.agreement.text()


def test_before_training_the_curve_has_no_loss(painted, panel, qtbot):
    panel.window().show()
    curve, axis = panel.scores.curve, panel.scores.curve.plot.getAxis("right")
    for row in (100, 120):
        paint(painted, 1, np.s_[row : row + 5, 10:30])
        painted.desk.flush()
        qtbot.wait(300)
    qtbot.waitUntil(lambda: np.size(curve.agreement.xData) == 2, timeout=5000)
    assert "loss" not in curve.legend.text()
    assert not axis.isVisible()
    painted.train()
    qtbot.waitUntil(lambda: "loss" in curve.legend.text(), timeout=5000)
    assert axis.isVisible()
    qtbot.waitUntil(lambda: axis.width() > 30, timeout=5000)  # room for its numbers, once drawn
    painted.lesson.pause()
    panel.studio.watch.theme_changed.emit()
    assert "loss" in curve.legend.text()


def test_the_highest_label_of_the_curve_is_whole(painted, panel, qtbot):
    panel.window().show()
    painted.train()
    curve = panel.scores.curve
    qtbot.waitUntil(lambda: np.size(curve.score.xData) > 2, timeout=5000)
    qtbot.wait(100)
    axis = curve.plot.getAxis("left")
    assert axis.mapToScene(0, 0).y() >= curve.fontMetrics().ascent() / 2


def test_the_working_scale_is_told(painted, panel, qtbot):
    painted.train()
    qtbot.waitUntil(lambda: "half size" in panel.scores.detail.text(), timeout=5000)
    assert "half size" in panel.scores.detail.toolTip()


def test_the_overlay_is_chosen_by_name(painted, panel, viewer, qtbot):
    overlay = panel.view.overlay
    assert [overlay.itemText(i) for i in range(overlay.count())] == [
        "nothing", "where it is unsure", "probability of background", "probability of cell",
    ]  # fmt: skip
    for row, name in ((1, "halves unsure"), (3, "halves probability of cell")):
        overlay.setCurrentIndex(row)
        overlay.activated.emit(row)
        assert viewer.layers[name].visible
    overlay.activated.emit(0)
    assert painted.desk.active.tiles.overlay is None


def test_saving_and_loading_by_button(painted, panel, qtbot, monkeypatch, tmp_path):
    name = str(tmp_path / "mine")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (name, ""))
    panel.results.save.click()
    saved = tmp_path / "mine.safetensors"
    qtbot.waitUntil(saved.exists, timeout=5000)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(saved), ""))
    panel.results.load.click()
    assert not painted.lesson.urgent


def test_a_wrong_model_file_is_told_in_the_guide(studio, panel, monkeypatch, tmp_path):
    wrong = tmp_path / "notes.txt"
    wrong.write_text("no model")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(wrong), ""))
    panel.results.load.click()
    assert "not a napari-unet model" in panel.guide.sentence.text()


def test_segmenting_shows_progress_and_can_be_cancelled(painted, panel):
    panel.results.segment.click()
    assert not panel.results.bar.isHidden()
    panel.results.cancel.click()
    assert panel.results.bar.isHidden()
    assert panel.results.segment.isEnabled()


def test_a_folder_is_segmented_with_what_is_trained_here(painted, panel, viewer, tmp_path):
    studio = panel.studio
    studio.walk.folder = tmp_path
    panel.results.folder.click()
    name = "Batch segment a folder (U-Net)"
    batch = viewer.window.dock_widgets[name]
    assert not batch.form.from_file
    assert Path(batch.form.source.value) == tmp_path
    assert batch.form.command().model == b""
    batch.form.source.value = tmp_path.parent
    panel.results.folder.click()
    assert viewer.window.dock_widgets[name] is batch
    assert len([n for n in viewer.window.dock_widgets if n.startswith("Batch")]) == 1
    assert Path(batch.form.source.value) == tmp_path.parent  # what was chosen stays


def test_without_a_model_no_folder_can_be_segmented(studio, panel):
    assert not panel.results.folder.isEnabled()


def test_the_form_has_every_setting_with_its_tip(panel):
    fields = panel.settings.fields
    declared = {(k.group, k.name): k for k in knobs()}
    assert fields.keys() == declared.keys()
    for key, field in fields.items():
        assert field.value == declared[key].default
        assert field.tooltip == declared[key].tip
    panel.settings.fields["training", "learning_rate"].value = 1e-5
    assert panel.settings.fields["training", "learning_rate"].value == 1e-5


def test_own_border_values_are_offered_only_where_they_are_used(panel):
    fields = panel.settings.fields
    own = [fields["training", name] for name in ("border_weight", "border_sigma", "far_background")]
    own[0].value = 7.0
    assert all(field.enabled for field in own)
    fields["training", "borders"].value = "2015"
    assert not any(field.enabled for field in own)
    assert own[0].value == 7.0
    fields["training", "borders"].value = "own"
    assert all(field.enabled for field in own)
    fields["training", "borders"].value = "2019"
    panel.settings.refresh()  # a project was opened: the studio's settings, which are the old ones
    assert all(field.enabled for field in own)


def test_a_changed_setting_reaches_the_engine_once(panel, qtbot, monkeypatch):
    told = []
    monkeypatch.setattr(panel.studio, "set_settings", told.append)
    panel.settings.fields["training", "batch"].value = 2
    panel.settings.fields["compute", "threads"].value = 3
    qtbot.waitUntil(lambda: bool(told), timeout=3000)
    qtbot.wait(500)
    (settings,) = told
    assert (settings.training.batch, settings.compute.threads) == (2, 3)


def test_every_button_says_what_it_does(panel):
    for button in panel.findChildren(QAbstractButton):
        if not button.objectName().startswith("qt_"):
            assert button.text() or button.accessibleName(), button


def test_a_real_stroke_is_heard(studio, viewer, make_napari_viewer, qtbot):
    viewer.window._qt_window.show()
    qtbot.wait(100)
    studio.roster.select(2)
    stroke(viewer, studio.desk.active.paint, (50, 100), (50, 140))
    qtbot.waitUntil(lambda: studio.desk.counts[2] > 0, timeout=3000)
    assert studio.desk.active.paint.data[50, 120] == 2


def test_the_keyboard_reaches_the_shortcut(studio, viewer, qtbot):
    viewer.window._qt_window.show()
    native = viewer.window._qt_viewer.canvas.native
    qtbot.keyClick(
        native,
        Qt.Key.Key_H,
        Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier,
    )
    assert not studio.desk.active.prediction.visible


def test_channels_are_in_the_order_of_the_layers_and_under_the_prediction(
    studio, panel, viewer, image
):
    for name in ("second", "third"):
        viewer.add_image(image, name=name)
    panel.image.channels._fill()
    for action in panel.image.channels._menu.actions():
        action.trigger()
    active = studio.desk.active
    assert [layer.name for layer in active.images] == ["halves", "second", "third"]
    above = viewer.layers.index(active.prediction)
    assert all(viewer.layers.index(layer) < above for layer in active.images)
    assert viewer.layers.index(active.paint) > above
