from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Labels

from napari_unet.widgets.strokes import StrokeWatch


@pytest.fixture
def layer():
    return Labels(np.zeros((300, 400), np.uint8))


@pytest.fixture
def watched(layer, qtbot):
    watch = StrokeWatch(layer)
    watch.told = []
    watch.changed.connect(lambda index, strokes: watch.told.append((index, strokes)))
    yield watch
    watch.close()


def until_told(qtbot, watch, times):
    qtbot.waitUntil(lambda: len(watch.told) >= times, timeout=3000)


def test_paint_is_told_once_and_soon(watched, layer, qtbot):
    layer.selected_label = 2
    layer.paint((10, 10), 2)
    layer.paint((10, 14), 2)
    until_told(qtbot, watched, 1)
    qtbot.wait(300)
    ((index, strokes),) = watched.told
    assert index == ()
    assert strokes.counts[2] == np.count_nonzero(layer.data) > 0


def test_undo_and_redo_are_told(watched, layer, qtbot):
    layer.paint((10, 10), 1)
    until_told(qtbot, watched, 1)
    layer.undo()
    until_told(qtbot, watched, 2)
    assert watched.told[1][1].blocks == ()
    layer.redo()
    until_told(qtbot, watched, 3)
    assert watched.told[2][1].same_as(watched.told[0][1])


def test_a_refresh_without_a_change_is_not_told(watched, layer, qtbot):
    layer.refresh()
    qtbot.wait(300)
    assert watched.told == []


def test_new_data_is_told(watched, layer, qtbot):
    layer.data = np.ones_like(layer.data)
    until_told(qtbot, watched, 1)
    assert watched.told[0][1].counts[1] == layer.data.size


def test_what_was_not_painted_over_is_shared(watched, layer, qtbot):
    layer.paint((10, 10), 1)
    until_told(qtbot, watched, 1)
    layer.paint((280, 380), 1)
    until_told(qtbot, watched, 2)
    before, after = watched.told[0][1], watched.told[1][1]
    assert before.blocks[0] is after.blocks[0]


def test_a_value_over_255_is_refused_in_a_sentence(qtbot):
    layer = Labels(np.zeros((20, 20), np.int32))
    watch = StrokeWatch(layer)
    said = []
    watch.refused.connect(said.append)
    layer.data[3, 3] = 300
    watch.scan()
    assert "300" in said[0]
    assert "1 to 255" in said[0]
    watch.close()


@pytest.fixture
def stack(qtbot):
    layer = Labels(np.zeros((4, 50, 60), np.uint8))
    watch = StrokeWatch(layer)
    watch.told = []
    watch.changed.connect(lambda index, strokes: watch.told.append((index, strokes)))
    yield watch
    watch.close()


def test_strokes_belong_to_their_plane(stack, qtbot):
    stack.visit((2,))
    stack.layer.paint((2, 5, 5), 1)
    until_told(qtbot, stack, 1)
    assert stack.told[0][0] == (2,)


def test_leaving_a_plane_takes_its_strokes_first(stack):
    stack.visit((1,))
    stack.layer.paint((1, 5, 5), 1)
    assert stack.told == []
    stack.visit((3,))
    assert [index for index, _ in stack.told] == [(1,)]


def test_undo_on_a_plane_out_of_view_is_told(stack, qtbot):
    stack.visit((1,))
    stack.layer.paint((1, 5, 5), 1)
    stack.visit((3,))
    stack.layer.undo()
    until_told(qtbot, stack, 2)
    assert stack.told[1][0] == (1,)
    assert stack.told[1][1].blocks == ()


def test_a_brush_through_planes_is_told_for_each(stack, qtbot):
    stack.layer.n_edit_dimensions = 3
    stack.layer.brush_size = 4
    stack.layer.paint((1, 20, 20), 1)
    painted = {z for z in range(4) if stack.layer.data[z].any()}
    until_told(qtbot, stack, len(painted))
    assert {index[0] for index, _ in stack.told} == painted
    assert len(painted) > 1


def test_counts_are_of_all_planes(stack, qtbot):
    stack.layer.data[0, 0, :5] = 1
    stack.layer.data[3, 0, :7] = 2
    stack.scan()
    assert (stack.counts[1], stack.counts[2]) == (5, 7)


def test_a_stroke_is_told_at_once_as_drawn_and_later_as_a_change(watched, layer, qtbot):
    drawn = []
    watched.drawn.connect(lambda index, strokes: drawn.append(strokes))
    layer.paint((10, 10), 1)
    qtbot.waitUntil(lambda: bool(drawn), timeout=100)
    assert watched.told == []
    until_told(qtbot, watched, 1)
    assert watched.told[0][1].same_as(drawn[-1])


def test_somebody_who_paints_without_a_rest_is_told_all_the_same(watched, layer, qtbot):
    for number in range(25):
        layer.paint((10, 5 * number), 1)
        qtbot.wait(60)
        if watched.told:
            return
    pytest.fail("it was not told within 1.5 s")


def test_a_stroke_undone_at_once_is_told_as_gone(watched, layer, qtbot):
    drawn = []
    watched.drawn.connect(lambda index, strokes: drawn.append(strokes))
    layer.paint((10, 10), 1)
    until_told(qtbot, watched, 1)
    layer.paint((50, 50), 1)
    qtbot.waitUntil(lambda: len(drawn) == 2, timeout=100)
    layer.undo()
    qtbot.waitUntil(lambda: len(drawn) == 3, timeout=2000)
    assert drawn[2].same_as(drawn[0])
    assert len(watched.told) == 1
