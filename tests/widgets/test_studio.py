from __future__ import annotations

import os
import signal

import numpy as np
import pytest
from hands import paint
from napari.layers import Labels
from napari.utils._proxies import PublicOnlyProxy
from napari.utils.notifications import notification_manager

from napari_unet.engine.messages import UNSURE
from napari_unet.widgets.guidance import Learning, advice
from napari_unet.widgets.panel import AnnotatePanel
from napari_unet.widgets.studios import studio_of


def records():
    return [record.message for record in notification_manager.records]


def errors():
    return [record for record in notification_manager.records if hasattr(record, "exception")]


@pytest.fixture(autouse=True)
def _no_old_records():
    notification_manager.records.clear()


def right(studio):
    """Share of pixels that the prediction has right."""
    shown = studio.desk.active.prediction.data
    truth = np.where(np.arange(shown.shape[1]) < 120, 1, 2)
    return float((shown == truth).mean())


def test_all_panels_of_a_viewer_share_one_studio(panel, viewer):
    assert studio_of(viewer) is panel.studio
    assert AnnotatePanel(PublicOnlyProxy(viewer)).studio is panel.studio


def test_strokes_of_two_classes_give_a_prediction_without_training(painted, qtbot):
    qtbot.waitUntil(lambda: right(painted) > 0.99, timeout=5000)
    assert painted.lesson.learning is Learning.PAUSED


def test_one_class_is_not_enough_and_says_so(studio, qtbot):
    paint(studio, 1, np.s_[20:40, 10:60])
    qtbot.waitUntil(lambda: bool(studio.lesson.notice), timeout=5000)
    assert advice(studio.situation).title == "2 · Paint a second class"
    assert not studio.desk.active.prediction.data.any()


def test_training_reports_and_pauses(painted, qtbot):
    painted.train()
    qtbot.waitUntil(lambda: painted.lesson.report.held_out is not None, timeout=5000)
    painted.lesson.pause()
    qtbot.wait(200)
    step = painted.lesson.report.step
    qtbot.wait(300)
    assert painted.lesson.report.step == step > 0
    assert painted.lesson.learning is Learning.PAUSED


def test_reset_forgets_the_numbers_and_keeps_the_strokes(painted, qtbot):
    painted.train()
    qtbot.waitUntil(lambda: painted.lesson.report.step > 2, timeout=5000)
    painted.lesson.reset()
    assert painted.lesson.report.step == 0
    assert painted.desk.counts.sum() > 0
    qtbot.waitUntil(lambda: painted.lesson.report.answered, timeout=5000)


def test_undo_takes_the_stroke_back(painted, qtbot):
    layer = painted.desk.active.paint
    before = painted.desk.counts[2]
    layer.selected_label = 2
    layer.paint((150, 150), 2)
    qtbot.waitUntil(lambda: painted.desk.counts[2] > before, timeout=3000)
    layer.undo()
    qtbot.waitUntil(lambda: painted.desk.counts[2] == before, timeout=3000)


def test_a_child_that_dies_comes_back_with_strokes_and_weights(painted, qtbot):
    painted.train()
    qtbot.waitUntil(lambda: painted.lesson.report.step > 2, timeout=5000)
    old = painted.keeper.process_id
    painted.desk.active.prediction.data[:] = 0
    os.kill(old, signal.SIGKILL)
    qtbot.waitUntil(lambda: painted.keeper.process_id not in (None, old), timeout=5000)
    qtbot.waitUntil(lambda: right(painted) > 0.99, timeout=8000)
    assert painted.lesson.learning is Learning.TRAINING
    step = painted.lesson.report.step
    qtbot.waitUntil(lambda: painted.lesson.report.step != step, timeout=5000)
    assert not records()  # there is nothing to do about it, and the guide says it


def test_while_a_new_child_starts_the_guide_says_why(painted):
    painted.keeper.close()
    painted.keeper.died.emit("Killed.")
    assert "stopped and is started again" in advice(painted.situation).sentence
    painted.care.start()
    assert "stopped" not in advice(painted.situation).sentence


def test_who_was_segmenting_as_the_child_died_is_told_to_do_it_again(painted, qtbot):
    os.kill(painted.keeper.process_id, signal.SIGSTOP)  # it will not finish
    painted.segment()
    os.kill(painted.keeper.process_id, signal.SIGKILL)
    qtbot.waitUntil(lambda: not painted.segmenter.running, timeout=5000)
    assert "“Segment this image” again" in advice(painted.situation).sentence
    assert [said for said in records() if "“Segment this image” again" in said]


def test_a_model_is_saved_though_the_child_that_was_asked_for_it_dies(painted, qtbot, tmp_path):
    path = tmp_path / "mine.safetensors"
    os.kill(painted.keeper.process_id, signal.SIGSTOP)  # it will not answer
    painted.lesson.save(path)
    os.kill(painted.keeper.process_id, signal.SIGKILL)
    qtbot.waitUntil(path.exists, timeout=10_000)
    qtbot.waitUntil(lambda: "is saved as" in painted.lesson.notice, timeout=2000)


def test_a_dead_child_is_reported_with_its_last_words(painted, qtbot):
    painted.roster.set(painted.roster.classes.renamed(2, "crash"))
    qtbot.waitUntil(lambda: painted.lesson.gone, timeout=15000)
    (error,) = errors()
    assert "told to crash" in error.as_text()
    assert error.source == "napari-unet"
    assert advice(painted.situation).title == "The engine stopped"


def test_train_starts_an_engine_that_was_given_up(painted, qtbot):
    painted.roster.set(painted.roster.classes.renamed(2, "crash"))
    qtbot.waitUntil(lambda: painted.lesson.gone, timeout=15000)
    painted.roster.set(painted.roster.classes.renamed(2, "cell"))
    painted.train()
    qtbot.waitUntil(lambda: painted.lesson.report.step > 0, timeout=8000)
    assert not painted.lesson.gone


def test_an_error_of_the_engine_pauses_and_is_shown_with_its_traceback(painted, qtbot):
    painted.train()
    painted.roster.set(painted.roster.classes.renamed(2, "stumble"))
    qtbot.waitUntil(lambda: painted.lesson.learning is Learning.PAUSED, timeout=5000)
    assert "stumbled" in advice(painted.situation).sentence
    assert "Traceback: told to" in errors()[0].as_text()


def test_what_the_guide_shows_is_no_notification_unless_the_panel_is_closed(
    studio, panel, viewer, qtbot
):
    viewer.window._qt_window.show()
    qtbot.waitUntil(panel.guide.isVisible, timeout=5000)
    studio.lesson.complain("Not that one.")
    assert panel.guide.sentence.text() == "Not that one."
    assert not records()
    panel.parentWidget().hide()
    studio.lesson.complain("Not that one.")
    assert records() == ["Not that one."]
    panel.parentWidget().show()
    viewer.window.remove_dock_widget(panel)
    studio.lesson.complain("Nor that one.")
    assert records() == ["Not that one.", "Nor that one."]


def test_an_image_that_is_refused_is_the_first_thing_to_see_to_until_it_is_another(
    painted, panel, qtbot
):
    image = painted.desk.active.image
    good = image.data
    image.data = np.full(good.shape, np.nan, np.float32)
    qtbot.waitUntil(lambda: bool(painted.situation.refused), timeout=5000)
    paint(painted, 1, np.s_[100:110, 10:30])
    qtbot.wait(500)
    assert "not numbers" in panel.guide.sentence.text()
    assert not panel.training.train.property("next")
    assert not panel.results.segment.isEnabled()
    image.data = good
    assert painted.situation.refused == ""
    qtbot.waitUntil(panel.results.segment.isEnabled, timeout=5000)


def test_an_image_that_can_be_used_is_not_held_back_by_one_that_cannot(painted, viewer, qtbot):
    good = painted.desk.active.image
    bad = viewer.add_image(np.full((50, 60), np.nan, np.float32), contrast_limits=(0, 1))
    painted.choose([bad])
    qtbot.waitUntil(lambda: bool(painted.situation.refused), timeout=5000)
    painted.choose([good])
    assert painted.situation.refused == ""


def test_a_slice_that_is_refused_does_not_hold_back_the_next(open_stack, panel, viewer, qtbot):
    stack = np.full((4, 50, 60), 9, np.float32)
    stack[:, :, 30:] = 5
    stack[0] = np.nan
    studio = open_stack(stack, contrast_limits=(0, 9))
    viewer.dims.set_point(0, 0)
    qtbot.waitUntil(lambda: panel.guide.title.text() == "Please look", timeout=5000)
    viewer.dims.set_point(0, 3)
    studio.lesson.hush()
    qtbot.waitUntil(lambda: panel.guide.title.text().startswith("2 · Paint"), timeout=5000)


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (np.full((30, 30), np.nan, np.float32), "not numbers"),
        (np.full((30, 30), 7, np.uint8), "same value"),
        (np.full((1, 1), 7, np.uint8), "same value"),
    ],
)
def test_an_image_that_cannot_be_used_is_refused_in_the_guide(panel, viewer, qtbot, bad, says):
    layer = viewer.add_image(bad, contrast_limits=(0, 1))
    panel.studio.choose([layer])
    qtbot.waitUntil(lambda: says in panel.guide.sentence.text(), timeout=5000)
    assert any(says in said for said in records())


def test_strokes_of_another_shape_are_refused_in_the_guide(studio, viewer, panel):
    wrong = viewer.add_labels(np.zeros((10, 10), np.uint8))
    studio.choose(studio.desk.active.images, wrong)
    assert "10 × 10 px but the image is 200 × 240 px" in panel.guide.sentence.text()
    assert studio.desk.active.paint is not wrong


def test_strokes_with_a_value_over_255_are_refused_in_the_guide(studio, viewer, panel):
    objects = np.zeros((200, 240), np.int32)
    objects[:5] = 1000
    studio.choose(studio.desk.active.images, viewer.add_labels(objects))
    assert "value 1000" in panel.guide.sentence.text()


def test_an_image_of_objects_is_not_taken_for_classes(studio, viewer, panel):
    objects = np.zeros((200, 240), np.uint8)
    objects[:5] = 200
    studio.choose(studio.desk.active.images, viewer.add_labels(objects))
    assert "Is this an image of objects?" in panel.guide.sentence.text()
    assert len(studio.roster.classes) == 2


def test_painting_a_new_label_makes_a_class(studio, qtbot):
    paint(studio, 3, np.s_[:5, :5])
    qtbot.waitUntil(lambda: len(studio.roster.classes) == 3, timeout=3000)
    assert studio.roster.classes.names[2] == "class 3"


def test_removing_a_class_erases_its_strokes(painted, qtbot):
    paint(painted, 3, np.s_[100:110, :5])
    qtbot.waitUntil(lambda: painted.desk.counts[3] > 0, timeout=3000)
    bright = painted.desk.counts[2]
    painted.roster.remove(1)
    assert painted.roster.classes.names == ("cell", "class 3")
    assert painted.desk.counts[1] == bright
    assert painted.desk.counts[3] == 0


def test_removing_the_image_while_training_stops_and_says_so(painted, viewer, qtbot):
    painted.train()
    qtbot.waitUntil(lambda: painted.lesson.report.step > 2, timeout=5000)
    viewer.layers.remove(painted.desk.active.image)
    assert painted.desk.active is None
    assert painted.lesson.learning is Learning.PAUSED
    assert "“halves” was removed" in advice(painted.situation).sentence
    qtbot.wait(300)  # late tiles find no plane
    viewer.add_image(np.random.default_rng(0).random((50, 50)), name="other")
    painted.choose([viewer.layers[-1]])
    assert painted.desk.active.image.name == "other"


def test_removing_the_strokes_says_so(painted, viewer):
    viewer.layers.remove(painted.desk.active.paint)
    assert painted.desk.active is None
    assert "strokes with it" in advice(painted.situation).sentence


def test_removing_the_prediction_brings_it_back(painted, viewer, qtbot):
    viewer.layers.remove(painted.desk.active.prediction)
    paint(painted, 2, np.s_[150:160, 200:220])
    qtbot.waitUntil(lambda: painted.desk.active.prediction in viewer.layers, timeout=5000)
    assert not painted.desk.active.prediction.editable


def test_renaming_layers_changes_nothing(painted, qtbot):
    painted.desk.active.image.name = "a"
    painted.desk.active.paint.name = "b"
    painted.desk.active.prediction.name = "c"
    before = painted.desk.counts[1]
    paint(painted, 1, np.s_[60:80, 10:60])
    qtbot.waitUntil(lambda: painted.desk.counts[1] > before, timeout=3000)


def test_strokes_on_any_plane_of_a_stack_count_and_tiles_find_their_plane(panel, viewer, qtbot):
    stack = np.zeros((4, 60, 80), np.uint8) + np.arange(60, dtype=np.uint8)[:, None] * 4
    viewer.add_image(stack, name="stack")
    studio = panel.studio
    qtbot.waitUntil(lambda: studio.desk.active is not None, timeout=5000)
    viewer.dims.set_current_step(0, 0)
    paint(studio, 1, np.s_[0, :10, :10])
    viewer.dims.set_current_step(0, 2)
    paint(studio, 2, np.s_[2, 50:, :10])
    shown = studio.desk.active.prediction.data
    qtbot.waitUntil(lambda: bool(shown[2].all()), timeout=8000)
    assert (shown[2, :20] == 1).all()
    assert (shown[2, 40:] == 2).all()
    assert not shown[3].any()


def test_the_probability_of_a_class_is_a_layer_of_its_own(painted, viewer, qtbot):
    painted.show_overlay(2)
    layer = viewer.layers["halves probability of cell"]
    qtbot.waitUntil(lambda: bool(layer.data[:, 130:].all()), timeout=5000)
    assert not layer.data[:, :110].any()
    painted.show_overlay(None)
    assert not layer.visible


def test_where_it_is_unsure_lies_over_the_prediction_and_painting_goes_on(painted, viewer, qtbot):
    viewer.layers["halves"].scale = (0.5, 0.5)
    painted.show_overlay(UNSURE)
    layer = viewer.layers["halves unsure"]
    qtbot.waitUntil(lambda: bool((layer.data == 99).any()), timeout=5000)
    below = viewer.layers.index(painted.desk.active.prediction)
    assert below < viewer.layers.index(layer) < viewer.layers.index(painted.desk.active.paint)
    assert viewer.layers.selection.active is painted.desk.active.paint
    assert np.array_equal(layer.scale, (0.5, 0.5))
    assert layer.colormap.map(np.array([0.0]))[0, 3] == 0  # what is sure is not covered


def test_an_overlay_that_comes_back_takes_its_old_layer(painted, viewer, qtbot):
    painted.show_overlay(UNSURE)
    layer = viewer.layers["halves unsure"]
    painted.show_overlay(1)
    assert not layer.visible
    count = len(viewer.layers)
    painted.show_overlay(UNSURE)
    assert painted.desk.active.tiles.overlay is layer
    assert layer.visible
    assert len(viewer.layers) == count


def test_segmenting_makes_a_normal_layer(painted, viewer, qtbot):
    painted.segment()
    assert painted.situation.segmenting
    qtbot.waitUntil(lambda: "halves segmentation" in viewer.layers, timeout=8000)
    layer = viewer.layers["halves segmentation"]
    assert isinstance(layer, Labels)
    assert layer.editable
    assert (layer.data[:, 130:] == 2).all()
    assert (layer.data[:, :110] == 1).all()
    assert "halves segmentation" in advice(painted.situation).sentence


@pytest.fixture
def segmented(painted, viewer, qtbot):
    """The layer of a result that came just now."""
    painted.segment()
    qtbot.waitUntil(lambda: "halves segmentation" in viewer.layers, timeout=8000)
    return viewer.layers["halves segmentation"]


def test_a_result_takes_the_place_of_the_prediction_until_painting_goes_on(
    painted, segmented, qtbot
):
    prediction = painted.desk.active.prediction
    assert not prediction.visible
    assert segmented.visible
    assert "Click a class to go on painting" in advice(painted.situation).sentence
    painted.roster.select(2)
    paint(painted, 2, np.s_[150:160, 200:220])
    qtbot.waitUntil(lambda: prediction.visible, timeout=5000)
    assert not segmented.visible


def test_after_a_second_result_painting_brings_the_prediction_back(
    painted, segmented, viewer, qtbot
):
    painted.segment()
    qtbot.waitUntil(lambda: len(viewer.layers) == 5, timeout=8000)
    newer = viewer.layers[-1]
    assert newer is not segmented
    assert newer.visible
    assert not segmented.visible
    painted.roster.select(2)
    paint(painted, 2, np.s_[150:160, 200:220])
    prediction = painted.desk.active.prediction
    qtbot.waitUntil(lambda: prediction.visible, timeout=5000)
    assert not newer.visible


def test_training_shows_what_is_learnt(painted, segmented):
    painted.train()
    assert painted.desk.active.prediction.visible
    assert not segmented.visible


def test_without_its_result_an_image_shows_its_prediction(painted, segmented, viewer):
    viewer.layers.remove(segmented)
    assert painted.desk.active.prediction.visible


def test_each_image_gets_its_own_prediction_back(painted, segmented, viewer, image, qtbot):
    first = painted.desk.active
    viewer.add_image(255 - image, name="inverse")
    painted.choose([viewer.layers["inverse"]])
    qtbot.waitUntil(lambda: painted.desk.active.prediction.data.all(), timeout=8000)
    painted.segment()
    qtbot.waitUntil(lambda: "inverse segmentation" in viewer.layers, timeout=8000)
    assert not painted.desk.active.prediction.visible
    painted.choose([first.image])
    painted.train()
    assert first.prediction.visible
    assert not segmented.visible


def test_accepting_what_is_predicted_shows_it(painted, segmented):
    painted.scribe.toggle_outline()
    assert painted.desk.active.prediction.visible
    assert not segmented.visible


def test_corrected_objects_do_not_bring_the_prediction_back(painted, segmented, viewer):
    assert viewer.layers.selection.active is segmented
    paint(painted, 2, np.s_[150:160, 200:220])
    painted.desk.flush()
    assert not painted.desk.active.prediction.visible
    assert segmented.visible


@pytest.mark.parametrize("when", ["before the result", "after it"])
def test_who_hid_the_prediction_himself_does_not_get_it_back(painted, viewer, qtbot, when):
    prediction = painted.desk.active.prediction
    prediction.visible = when == "after it"
    painted.segment()
    qtbot.waitUntil(lambda: "halves segmentation" in viewer.layers, timeout=8000)
    if when == "after it":
        prediction.visible = True
        prediction.visible = False
    painted.roster.select(2)
    paint(painted, 2, np.s_[150:160, 200:220])
    painted.desk.flush()
    assert not prediction.visible
    assert viewer.layers["halves segmentation"].visible


def test_the_result_of_another_image_hides_nothing(painted, viewer, image, qtbot):
    viewer.add_image(255 - image, name="inverse")
    painted.segment()
    painted.choose([viewer.layers["inverse"]])
    qtbot.waitUntil(lambda: "halves segmentation" in viewer.layers, timeout=8000)
    assert painted.desk.active.prediction.visible


def test_segmenting_can_be_cancelled(painted, viewer, qtbot):
    painted.segment()
    painted.segmenter.cancel()
    qtbot.wait(300)
    assert "halves segmentation" not in viewer.layers
    painted.segment()
    qtbot.waitUntil(lambda: "halves segmentation" in viewer.layers, timeout=8000)


def test_a_stack_is_segmented_plane_by_plane(panel, viewer, qtbot):
    stack = np.zeros((3, 60, 80), np.uint8) + np.arange(60, dtype=np.uint8)[:, None] * 4
    viewer.add_image(stack, name="stack")
    studio = panel.studio
    qtbot.waitUntil(lambda: studio.desk.active is not None, timeout=5000)
    studio.desk.active.paint.data[0, :10] = 1
    studio.desk.active.paint.data[0, 50:] = 2
    studio.desk.active.strokes.scan()
    qtbot.waitUntil(lambda: studio.lesson.report.answered, timeout=5000)
    studio.segment()
    qtbot.waitUntil(lambda: "stack segmentation" in viewer.layers, timeout=8000)
    assert viewer.layers["stack segmentation"].data.all()


def test_a_model_is_saved_and_loaded(painted, viewer, qtbot, tmp_path):
    path = tmp_path / "mine.safetensors"
    painted.lesson.save(path)
    qtbot.waitUntil(lambda: "is saved as" in painted.lesson.notice, timeout=5000)
    painted.network.load(path)


def test_a_model_that_cannot_be_saved_says_so(painted, qtbot, tmp_path):
    (tmp_path / "file").write_text("")
    painted.lesson.save(tmp_path / "file" / "mine.safetensors")
    qtbot.waitUntil(lambda: "cannot be saved" in painted.lesson.notice, timeout=5000)


def test_a_sample_brings_names_and_strokes(panel, viewer, qtbot, image):
    strokes = np.zeros(image.shape, np.uint8)
    strokes[10:20, 10:20] = 1
    strokes[10:20, 150:160] = 2
    viewer.add_image(image, name="sample")
    viewer.add_labels(strokes, name="sample strokes", metadata={"classes": ("glass", "gland")})
    qtbot.waitUntil(lambda: panel.studio.lesson.report.answered, timeout=8000)
    assert panel.studio.roster.classes.names == ("glass", "gland")
    assert sum(layer.name.startswith("sample strokes") for layer in viewer.layers) == 1


def test_strokes_of_two_images_are_learnt_together(painted, viewer, image, qtbot):
    viewer.add_image(255 - image, name="inverse")
    painted.choose([viewer.layers["inverse"]])
    assert painted.desk.active.image.name == "inverse"
    assert painted.desk.counts[1] > 0
    painted.choose([viewer.layers["halves"]])
    assert len(painted.desk.bindings) == 2
    assert sum(layer.name.endswith("strokes") for layer in viewer.layers) == 2


def test_closing_the_panel_ends_the_engine_and_keeps_the_layers(painted, panel, viewer, qtbot):
    painted.train()
    process = painted.keeper._link.process
    viewer.window.remove_dock_widget(panel)
    qtbot.waitUntil(lambda: process.poll() is not None, timeout=5000)
    assert painted.desk.active.paint in viewer.layers
    assert painted.lesson.learning is Learning.PAUSED


def test_opening_the_panel_again_goes_on(painted, panel, viewer, qtbot):
    viewer.window.remove_dock_widget(panel)
    again = AnnotatePanel(viewer)
    viewer.window.add_dock_widget(again)
    assert again.studio is painted
    qtbot.waitUntil(lambda: painted.lesson.report.answered, timeout=8000)
    assert again.image.image.layer is painted.desk.active.image


def test_the_engine_stays_while_another_panel_is_open(painted, panel, viewer):
    second = AnnotatePanel(viewer)
    viewer.window.add_dock_widget(second, name="second")
    viewer.window.remove_dock_widget(panel)
    assert painted.keeper.running
    viewer.window.remove_dock_widget(second)
    assert not painted.keeper.running


def test_a_class_that_is_gone_is_no_longer_painted(studio):
    studio.roster.adopt(("ground", "cell", "debris"))
    studio.roster.select(3)
    studio.roster.adopt(("ground", "cell"))
    assert studio.roster.selected == 2
    assert studio.situation.selected == "cell"


def test_the_guide_names_the_class_that_is_clicked(studio, panel):
    assert "stroke of “background”" in panel.guide.sentence.text()
    studio.roster.select(2)
    assert "stroke of “cell”" in panel.guide.sentence.text()


def test_a_view_closes_after_qt_took_the_lesson_away(studio, panel, viewer, qtbot):
    viewer.layers.clear()
    assert studio.keeper.running
    with qtbot.waitSignal(studio.lesson.destroyed, timeout=5000):
        studio.lesson.deleteLater()
    studio.leave(id(panel))
    assert not studio.keeper.running
