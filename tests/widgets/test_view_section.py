from __future__ import annotations


def test_the_check_box_follows_the_layer(painted, panel):
    box, layer = panel.view.show_prediction, painted.desk.active.prediction
    box.click()
    assert not layer.visible
    layer.visible = True
    assert box.isChecked()


def test_outlines_and_areas(painted, panel):
    box, layer = panel.view.outlines, painted.desk.active.prediction
    layer.visible = False
    box.click()
    assert layer.contour == 2
    assert layer.visible
    box.click()
    assert layer.contour == 0
    layer.contour = 5
    assert box.isChecked()


def test_outlines_show_tiles_that_arrive(painted, panel, qtbot):
    panel.view.outlines.click()
    painted.train()
    before = painted.lesson.report.step
    qtbot.waitUntil(lambda: painted.lesson.report.step > before + 6, timeout=5000)
    assert painted.desk.active.prediction.data.any()


def test_opacity_goes_both_ways(painted, panel):
    slider, layer = panel.view.opacity, painted.desk.active.prediction
    slider.setValue(80)
    assert layer.opacity == 0.8
    layer.opacity = 0.255
    assert slider.value() in (25, 26)
    assert layer.opacity == 0.255  # not rounded by its own echo


def test_without_an_image_there_is_nothing_to_set(panel):
    for widget in (panel.view.show_prediction, panel.view.outlines, panel.view.opacity):
        assert not widget.isEnabled()
