from __future__ import annotations

import numpy as np
import pytest
from hands import canvas, paint
from qtpy.QtCore import Qt

from napari_unet.widgets.compat import camera
from napari_unet.widgets.pointer import Pointer

KEYS = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
PLACES = ((150, 60), (40, 200))  # what the fake engine suggests, one after the other


@pytest.fixture
def shown(painted, viewer, qtbot):
    """A studio at work in a window that is shown."""
    viewer.window._qt_window.show()
    qtbot.wait(100)
    return painted


def ask(studio, qtbot):
    studio.pointer.hide()
    studio.pointer.ask()
    qtbot.waitUntil(lambda: studio.pointer.ring is not None, timeout=5000)


def centre(viewer, layer):
    point = np.asarray(viewer.dims.point, float)
    point[-2:] = camera(viewer).center[-2:]
    return tuple(np.round(layer.world_to_data(point)[-2:]).astype(int))


def test_the_key_moves_the_view_and_marks_the_place(shown, viewer, qtbot):
    before = viewer.layers.selection.active
    qtbot.keyClick(canvas(viewer), Qt.Key.Key_N, KEYS)
    qtbot.waitUntil(lambda: shown.pointer.ring is not None, timeout=5000)
    assert centre(viewer, shown.desk.active.image) == PLACES[0]
    assert tuple(shown.pointer.ring.data[0]) == PLACES[0]
    assert viewer.layers.selection.active is before


def test_the_button_does_the_same_and_then_goes_elsewhere(shown, panel, viewer, qtbot):
    for place in PLACES:
        shown.pointer.hide()
        panel.correct.next.click()
        qtbot.waitUntil(lambda: shown.pointer.ring is not None, timeout=5000)
        assert centre(viewer, shown.desk.active.image) == place


def test_the_mark_vanishes_by_itself(shown, viewer, qtbot, monkeypatch):
    layers = list(viewer.layers)
    ask(shown, qtbot)
    shown.pointer._timer.start(100)  # sooner than it would
    qtbot.waitUntil(lambda: shown.pointer.ring is None, timeout=5000)
    assert list(viewer.layers) == layers


def test_the_mark_vanishes_when_a_stroke_is_drawn(shown, viewer, qtbot):
    ask(shown, qtbot)
    paint(shown, 1, np.s_[150:160, 60:70])
    qtbot.waitUntil(lambda: shown.pointer.ring is None, timeout=2000)


def test_a_mark_that_the_user_deleted_is_no_trouble(shown, viewer, qtbot):
    ask(shown, qtbot)
    viewer.layers.remove(shown.pointer.ring)
    shown.pointer.hide()
    assert shown.pointer.ring is None


def test_the_zoom_stays_where_one_can_paint(shown, viewer, qtbot):
    camera(viewer).zoom = 3.0
    ask(shown, qtbot)
    assert camera(viewer).zoom == 3.0


def test_it_zooms_in_where_the_place_would_be_too_small_to_paint(shown, viewer, qtbot):
    camera(viewer).zoom = 0.05
    ask(shown, qtbot)
    assert camera(viewer).zoom > 0.5


def test_it_finds_its_way_in_a_scaled_image(panel, viewer, image, qtbot):
    viewer.window._qt_window.show()
    viewer.add_image(image, name="scaled", scale=(0.25, 0.25), translate=(7, -3))
    studio = panel.studio
    qtbot.waitUntil(lambda: studio.desk.active is not None, timeout=5000)
    paint(studio, 1, np.s_[20:40, 10:60])
    paint(studio, 2, np.s_[20:40, 150:200])
    qtbot.waitUntil(lambda: studio.lesson.report.answered, timeout=10000)
    ask(studio, qtbot)
    assert centre(viewer, studio.desk.active.image) == PLACES[0]
    assert np.allclose(camera(viewer).center[-2:], (150 * 0.25 + 7, 60 * 0.25 - 3))


def test_where_no_place_is_left_it_says_so(shown, panel, viewer, qtbot):
    for _ in PLACES:
        ask(shown, qtbot)
    shown.pointer.hide()
    shown.pointer.ask()
    qtbot.waitUntil(lambda: "No place stands out" in panel.guide.sentence.text(), timeout=5000)
    assert shown.pointer.ring is None


def test_in_three_dimensions_it_says_what_to_do(shown, panel, viewer, qtbot):
    viewer.dims.ndisplay = 3
    shown.pointer.ask()
    assert "2-D view" in panel.guide.sentence.text()
    viewer.dims.ndisplay = 2


def test_the_button_waits_for_a_prediction(studio, panel, qtbot):
    assert not panel.correct.next.isEnabled()
    paint(studio, 1, np.s_[20:40, 10:60])
    paint(studio, 2, np.s_[20:40, 150:200])
    qtbot.waitUntil(panel.correct.next.isEnabled, timeout=10000)


def test_nothing_happens_without_an_image(panel, viewer):
    asked = []
    Pointer(viewer, panel.studio.desk, asked.append).ask()
    assert asked == []
