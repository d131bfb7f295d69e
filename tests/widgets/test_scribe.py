from __future__ import annotations

import numpy as np
import pytest
from hands import paint, stroke

from napari_unet.widgets.guidance import Step, advice

AROUND = ((100, 20), (100, 90), (160, 90), (160, 20), (102, 20))


@pytest.fixture
def shown(painted, viewer, qtbot):
    """A studio at work in a window that is shown, with a whole prediction."""
    viewer.window._qt_window.resize(1000, 600)  # quick to draw, and the panel leaves room
    viewer.window._qt_window.show()
    qtbot.waitUntil(lambda: bool(painted.desk.active.prediction.data.all()), timeout=10000)
    viewer.reset_view()
    qtbot.wait(100)
    return painted


def lasso(studio, viewer, *points):
    studio.scribe.toggle_outline()
    stroke(viewer, studio.scribe.outline, *points, steps=8)


def test_what_is_drawn_around_becomes_strokes(shown, viewer, qtbot):
    paint = shown.desk.active.paint
    before = paint.data.copy()
    lasso(shown, viewer, *AROUND)
    qtbot.waitUntil(lambda: shown.scribe.outline is None, timeout=5000)
    assert (paint.data[110:150, 30:80] == 1).all()  # as predicted: the left half is dark
    changed = np.argwhere(paint.data != before)
    assert changed.min(axis=0).tolist() >= [95, 15]
    assert changed.max(axis=0).tolist() <= [165, 95]
    assert viewer.layers.selection.active is paint
    assert paint.mode == "paint"
    assert all("accept" not in layer.name for layer in viewer.layers)


def test_it_is_scored_and_recorded_as_any_stroke(shown, viewer, qtbot):
    counted, scores = shown.desk.counts[1], len(shown.lesson.report.agreements)
    lasso(shown, viewer, *AROUND)
    qtbot.waitUntil(lambda: shown.desk.counts[1] > counted + 2000, timeout=5000)
    qtbot.waitUntil(lambda: len(shown.lesson.report.agreements) == scores + 1, timeout=5000)
    shown.project.undo()
    assert shown.desk.counts[1] == counted


def test_one_undo_of_napari_takes_it_back(shown, viewer, qtbot):
    paint = shown.desk.active.paint
    before = paint.data.copy()
    lasso(shown, viewer, *AROUND)
    qtbot.waitUntil(lambda: shown.scribe.outline is None, timeout=5000)
    paint.undo()
    assert np.array_equal(paint.data, before)


def test_what_is_painted_already_stays(shown, viewer, qtbot):
    paint(shown, 2, np.s_[120:130, 40:60])  # where class 1 is predicted
    lasso(shown, viewer, *AROUND)
    qtbot.waitUntil(lambda: shown.scribe.outline is None, timeout=5000)
    assert (shown.desk.active.paint.data[120:130, 40:60] == 2).all()


def test_the_guide_says_what_to_do_and_the_button_ends_it(shown, panel, viewer):
    panel.correct.accept.click()
    assert "Drag around" in panel.guide.sentence.text()
    assert panel.correct.accept.isChecked()
    assert viewer.layers.selection.active is shown.scribe.outline
    panel.correct.accept.click()
    assert not panel.correct.accept.isChecked()
    assert advice(shown.situation).step is Step.TRAIN
    assert viewer.layers.selection.active is shown.desk.active.paint


def test_a_click_alone_accepts_nothing(shown, viewer, qtbot):
    before = shown.desk.active.paint.data.copy()
    shown.scribe.toggle_outline()
    stroke(viewer, shown.scribe.outline, (100, 20))
    qtbot.wait(100)
    assert shown.scribe.outline is not None
    assert np.array_equal(shown.desk.active.paint.data, before)


@pytest.mark.parametrize("gone", ["outline", "image"])
def test_it_ends_when_a_layer_is_removed(shown, viewer, gone):
    shown.scribe.toggle_outline()
    outline = shown.scribe.outline
    viewer.layers.remove(outline if gone == "outline" else shown.desk.active.image)
    assert shown.scribe.outline is None
    assert outline not in viewer.layers


def test_in_3d_it_says_to_turn_back(shown, viewer, panel):
    viewer.dims.ndisplay = 3
    shown.scribe.toggle_outline()
    assert shown.scribe.outline is None
    assert "2-D view" in panel.guide.sentence.text()


# -- stacks --------------------------------------------------------------------------------


@pytest.fixture
def stack(panel, viewer, image, qtbot):
    """A studio at work on the first of three slices, with a stroke of each class."""
    viewer.add_image(np.stack([image] * 3), name="stack", scale=(3, 1, 1))
    qtbot.waitUntil(lambda: panel.studio.desk.active is not None, timeout=5000)
    viewer.dims.set_point(0, 0)
    paint(panel.studio, 1, np.s_[0, 20:40, 10:60])
    paint(panel.studio, 2, np.s_[0, 20:40, 150:200])
    qtbot.waitUntil(lambda: panel.studio.lesson.report.answered, timeout=10000)
    return panel.studio


def test_strokes_are_copied_to_the_next_slice(stack, panel, viewer, qtbot):
    layer = stack.desk.active.paint
    layer.data[1, 25, 30] = 2  # painted there already
    assert not panel.correct.copy.isHidden()
    panel.correct.copy.click()
    assert viewer.dims.current_step[0] == 1
    assert stack.lesson.done
    assert "The strokes are copied" in panel.guide.sentence.text()
    wanted = layer.data[0].copy()
    wanted[25, 30] = 2
    assert np.array_equal(layer.data[1], wanted)
    qtbot.waitUntil(lambda: stack.desk.counts[1] == 1999, timeout=5000)
    layer.undo()
    assert not layer.data[2].any()


def test_after_the_last_slice_it_says_so(stack, panel, viewer, qtbot):
    viewer.dims.set_point(0, 6)
    qtbot.wait(50)
    before = stack.desk.active.paint.data.copy()
    stack.scribe.copy_to_next_slice()
    assert "no slice after" in panel.guide.sentence.text()
    assert np.array_equal(stack.desk.active.paint.data, before)


def test_without_strokes_on_the_slice_it_says_so(stack, panel, viewer, qtbot):
    viewer.dims.set_point(0, 3)
    qtbot.wait(50)
    stack.scribe.copy_to_next_slice()
    assert "no strokes on this slice" in panel.guide.sentence.text()


def test_an_image_has_no_next_slice(painted, panel):
    assert panel.correct.copy.isHidden()
    painted.scribe.copy_to_next_slice()
    assert (painted.desk.active.paint.data[60:] == 0).all()
