from __future__ import annotations

import time

import numpy as np
import pytest
from napari.layers import Labels
from qtpy.QtCore import QTimer

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


@pytest.fixture
def deep(qtbot):
    """A watch on 400 slices, of which the tenth is in view: what it drew, and what it read."""
    layer = Labels(np.zeros((400, 64, 64), np.uint8))
    layer.n_edit_dimensions = 3
    watch = StrokeWatch(layer)
    watch.visit((10,))
    watch.told, watch.read = [], []
    watch.drawn.connect(lambda index, strokes: watch.told.append((index[0], watch.goes_on)))
    read = watch.easel.read

    def reading(index, before, objects):
        watch.read.append(index[0])
        return read(index, before, objects)

    watch.easel.read = reading
    yield watch
    watch.close()


def brush(watch, z, size=41):
    """Paint a ball around a slice; the slices that it is on."""
    watch.layer.brush_size = size
    watch.layer.paint((z, 30, 30), 1)
    return set(np.flatnonzero(watch.layer.data.any(axis=(1, 2))).tolist())


def test_a_brush_through_a_deep_stack_is_told_at_once_and_nothing_else_is_looked_at(deep, qtbot):
    begun = time.monotonic()
    painted = brush(deep, 350)
    qtbot.waitUntil(lambda: len(deep.told) >= len(painted), timeout=5000)
    assert time.monotonic() - begun < 1.5
    assert {z for z, _ in deep.told} == painted
    assert len(painted) == 41
    assert set(deep.read) <= painted | {10}
    deep.read.clear()
    qtbot.waitUntil(lambda: set(deep.snapshots) >= {(z,) for z in painted}, timeout=5000)
    assert set(deep.read) <= painted | {10}


def test_slices_near_the_view_are_told_first(deep, qtbot):
    painted = brush(deep, 20)
    qtbot.waitUntil(lambda: len(deep.told) >= len(painted), timeout=5000)
    away = [abs(z - 10) for z, _ in deep.told]
    assert away == sorted(away)


def test_many_slices_are_told_in_pieces_so_that_painting_stays_fluid(deep, qtbot):
    read, told_at_once, since = deep.easel.read, [], []

    def slow(index, before, objects):
        time.sleep(0.003)
        since.append(index)
        return read(index, before, objects)

    def tick():
        told_at_once.append(len(since))
        since.clear()

    deep.easel.read = slow
    timer = QTimer()
    timer.timeout.connect(tick)
    timer.start(0)
    painted = brush(deep, 350)
    qtbot.waitUntil(lambda: len(deep.told) >= len(painted), timeout=5000)
    qtbot.waitUntil(lambda: len(deep.snapshots) >= len(painted), timeout=5000)
    timer.stop()
    tick()
    assert 1 <= max(told_at_once) <= 6  # of 41
    assert deep.told[0][1] is False
    assert deep.told[-1][1] is True


def test_another_stroke_does_not_go_on_with_the_one_before(deep, qtbot):
    for z in (350, 200):
        painted = brush(deep, z, 5)
        qtbot.waitUntil(lambda p=painted: {z for z, _ in deep.told} >= p, timeout=5000)
    assert not any(goes_on for _, goes_on in deep.told)


def test_a_brush_through_slices_is_told_on_all_of_them_while_it_paints(deep, qtbot):
    with deep.layer.block_history():  # as while the mouse is down
        painted = brush(deep, 10, 21)
        qtbot.waitUntil(lambda: {z for z, _ in deep.told} >= painted, timeout=3000)
        assert deep.drawing


def test_what_a_fill_and_a_polygon_touch_is_told(deep, qtbot):
    deep.layer.data[100:170] = 2
    deep.layer.fill((120, 5, 5), 3)
    qtbot.waitUntil(lambda: len({z for z, _ in deep.told}) >= 70, timeout=5000)
    assert {z for z, _ in deep.told} == set(range(100, 170))


def test_planes_of_other_axes_are_found():
    layer = Labels(np.zeros((3, 5, 20, 20), np.uint8))
    layer.n_edit_dimensions = 4
    watch = StrokeWatch(layer)
    watch.visit((0, 0))
    layer.brush_size = 3
    layer.paint((1, 3, 10, 10), 1)
    watch.flush()
    painted = {tuple(map(int, index)) for index in np.argwhere(layer.data.any(axis=(2, 3)))}
    assert len(painted) > 1
    assert set(watch.snapshots) == painted
    watch.close()
