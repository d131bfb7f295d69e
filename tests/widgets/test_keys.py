from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_unet.widgets import keys
from napari_unet.widgets.guidance import Learning

CTRL_SHIFT = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def taken(make_napari_viewer):
    """The keys that napari uses."""
    from app_model.types import KeyBinding
    from napari.settings import get_settings

    viewer = make_napari_viewer()
    bound = [k for ks in get_settings().shortcuts.shortcuts.values() for k in ks]
    bound += list(type(viewer).class_keymap)
    for kind in _layer_types():
        bound += list(kind.class_keymap)
    actions = viewer.window._qt_window.actions()
    actions += [a for menu in viewer.window._qt_window.menuBar().actions() for a in _all(menu)]
    return {str(k) for k in bound} | {
        str(KeyBinding.from_str(text)) for a in actions if (text := a.shortcut().toString())
    }


def _layer_types():
    from napari import layers

    return [layers.Labels, layers.Image, layers.Shapes, layers.Points]


def _all(action):
    yield action
    if action.menu() is not None:
        for inner in action.menu().actions():
            yield from _all(inner)


def test_napari_uses_none_of_them(taken):
    from app_model.types import KeyBinding

    assert len(taken) > 50
    assert "Ctrl+Shift+T" in taken
    ours = [str(KeyBinding.from_str(key.press)) for key in keys.ALL]
    assert not taken.intersection(ours)
    assert len(set(ours)) == len(ours)
    assert all("Ctrl" in key for key in ours)


def test_all_are_bound_in_the_viewer(studio, viewer):
    bound = {str(k) for k in viewer.keymap}
    assert len([k for k in bound if "Ctrl" in k]) >= len(keys.ALL)


@pytest.mark.parametrize("where", ["canvas", "panel"])
def test_a_key_works_wherever_the_user_is(painted, panel, viewer, qtbot, where):
    viewer.window._qt_window.show()
    focus = viewer.window._qt_viewer.canvas.native if where == "canvas" else panel.training.train
    QTest.keyClick(focus, Qt.Key.Key_H, CTRL_SHIFT)
    assert not painted.desk.active.prediction.visible
    QTest.keyClick(focus, Qt.Key.Key_L, CTRL_SHIFT)
    assert painted.desk.active.prediction.visible
    assert painted.desk.active.prediction.contour == 2
    QTest.keyClick(focus, Qt.Key.Key_G, CTRL_SHIFT)
    assert painted.lesson.learning is Learning.TRAINING
    QTest.keyClick(focus, Qt.Key.Key_G, CTRL_SHIFT)
    assert painted.lesson.learning is Learning.PAUSED


def test_without_strokes_the_key_does_not_train(studio):
    keys.TRAIN.act(studio)
    assert studio.lesson.learning is Learning.PAUSED


def test_the_panel_lists_them_and_those_of_napari(panel):
    panel.keys.expand(animate=False)
    text = panel.keys.table.text()
    for key in keys.ALL:
        assert str(key) in text
        assert key.does in text
    assert "hold to move the image" in text
    assert "thicker brush" in text
