"""What happens to layers, windows and the engine while it trains: nothing breaks, nothing stays."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hands import paint
from napari.utils.notifications import notification_manager

from napari_unet.engine.messages import Annotate, Open
from napari_unet.widgets.guidance import Learning, advice
from napari_unet.widgets.panel import AnnotatePanel


@pytest.fixture
def training(painted, qtbot):
    """The studio while it trains."""
    painted.train()
    qtbot.waitUntil(lambda: painted.lesson.report.step > 0, timeout=10000)
    return painted


def goes_on(studio, qtbot):
    """Training, painting and predicting still work."""
    qtbot.wait(500)  # steps may still be on their way when training was stopped
    step = studio.lesson.report.step
    qtbot.waitUntil(lambda: studio.lesson.report.step > step, timeout=10000)
    commands = []
    studio.desk.planes.say.connect(commands.append)
    paint(studio, 1, np.s_[100:110, 10:30])
    qtbot.waitUntil(lambda: any(isinstance(c, Annotate) for c in commands), timeout=5000)
    studio.desk.planes.say.disconnect(commands.append)


def errors():
    return [r for r in notification_manager.records if hasattr(r, "exception")]


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.uint16])
def test_pixels_are_replaced_while_it_trains(training, qtbot, dtype):
    commands = []
    training.desk.planes.say.connect(commands.append)
    image = training.desk.active.image
    image.data = image.data[::-1].astype(dtype)
    (sent,) = [c for c in commands if isinstance(c, Open)]
    assert sent.image.dtype == dtype
    goes_on(training, qtbot)
    assert not errors()


def test_an_image_of_another_size_is_let_go_and_said(training, qtbot):
    training.desk.active.image.data = np.zeros((50, 60), np.uint8)
    assert training.desk.active is None
    assert training.lesson.learning is Learning.PAUSED
    assert "has another size now: choose the image again" in advice(training.situation).sentence


def test_an_image_is_moved_and_scaled_while_it_trains(training, qtbot):
    active = training.desk.active
    active.image.scale = (0.5, 2.0)
    active.image.translate = (7, 9)
    active.image.rotate = 30
    for layer in (active.paint, active.prediction):  # strokes stay where they were painted
        assert np.allclose(layer.data_to_world((5, 11)), active.image.data_to_world((5, 11)))
    goes_on(training, qtbot)
    assert not errors()


def test_another_theme_while_it_trains(training, viewer, qtbot):
    for theme in ("light", "dark"):
        viewer.theme = theme
    goes_on(training, qtbot)
    assert not errors()


def test_two_viewers_do_not_hear_of_each_other(training, make_napari_viewer, image, qtbot):
    other = make_napari_viewer()
    panel = AnnotatePanel(other)
    other.window.add_dock_widget(panel)
    other.add_image(image, name="halves")
    qtbot.waitUntil(lambda: panel.studio.desk.active is not None, timeout=5000)
    assert panel.studio is not training
    assert panel.studio.keeper.process_id != training.keeper.process_id
    assert not panel.studio.desk.counts.any()
    panel.studio.keeper.close()
    goes_on(training, qtbot)


def test_closing_the_viewer_leaves_no_thread(fake_engine, make_napari_viewer, image, qtbot):
    before = set(threading.enumerate())
    viewer = make_napari_viewer()
    panel = AnnotatePanel(viewer)
    viewer.window.add_dock_widget(panel)
    viewer.add_image(image, name="halves")
    studio = panel.studio
    qtbot.waitUntil(lambda: studio.desk.active is not None, timeout=5000)
    paint(studio, 1, np.s_[20:40, 10:60])
    paint(studio, 2, np.s_[20:40, 150:200])
    studio.train()
    qtbot.waitUntil(lambda: studio.lesson.report.step > 0, timeout=10000)
    viewer.close()
    qtbot.waitUntil(lambda: not set(threading.enumerate()) - before, timeout=15000)
    assert not studio.keeper.running
