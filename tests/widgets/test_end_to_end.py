"""The main job with the real engine: paint with the mouse, train, look at what nobody painted."""

from __future__ import annotations

import numpy as np
import pytest
from hands import stroke

from napari_unet.core.samples import touching_cells
from napari_unet.widgets.panel import AnnotatePanel


@pytest.mark.timeout(300)
def test_a_biologist_gets_what_she_painted_for(make_napari_viewer, qtbot):
    sample = touching_cells()
    viewer = make_napari_viewer(show=True)
    viewer.window._qt_window.resize(1000, 800)
    viewer.add_image(sample.image, name="cells")
    panel = AnnotatePanel(viewer)
    viewer.window.add_dock_widget(panel, area="right")
    studio = panel.studio
    qtbot.waitUntil(lambda: studio.desk.active is not None, timeout=5000)
    layer = studio.desk.active.paint
    layer.brush_size = 5
    viewer.reset_view()

    for number, *points in (
        (1, (75, 225), (76, 270)),
        (1, (180, 250), (185, 280)),
        (1, (250, 290), (275, 325)),
        (2, (40, 150), (40, 170)),
        (2, (190, 104), (205, 102)),
        (2, (292, 303), (292, 311)),
        (2, (345, 268), (350, 282)),
    ):
        studio.roster.select(number)
        stroke(viewer, layer, *points)
    qtbot.waitUntil(lambda: studio.lesson.report.answered, timeout=90000)
    panel.training.train.click()
    qtbot.waitUntil(lambda: studio.lesson.report.step >= 10, timeout=120000)
    shown = studio.desk.active.prediction.data
    qtbot.waitUntil(lambda: bool(shown.all()), timeout=30000)
    panel.training.train.click()

    unpainted = layer.data == 0
    assert unpainted.mean() > 0.95
    for number in (1, 2):
        truth = (sample.truth == number) & unpainted
        assert (shown[truth] == number).mean() > 0.75, number
    assert studio.lesson.report.held_out is not None
    process = studio.keeper._link.process
    viewer.window.remove_dock_widget(panel)
    qtbot.waitUntil(lambda: process.poll() is not None, timeout=5000)
    assert np.array_equal(shown, studio.desk.active.prediction.data)
