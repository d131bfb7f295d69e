from __future__ import annotations

import numpy as np
import pytest

from napari_unet.engine.messages import Look
from napari_unet.widgets.compat import camera, has_no_name, visible_box


@pytest.fixture
def layer(viewer):
    return viewer.add_image(np.zeros((400, 500)), scale=(0.5, 0.25), translate=(3, 7), rotate=90)


def test_all_of_it_is_in_view_at_first(viewer, layer):
    viewer.reset_view()
    assert visible_box(viewer, layer, (400, 500)) == (0, 0, 400, 500)


def test_zooming_in_leaves_a_box_about_the_centre(viewer, layer, qtbot):
    viewer.window._qt_window.show()  # napari < 0.9 tells what is in view once it is drawn
    camera(viewer).center = tuple(layer.data_to_world((100, 300)))
    camera(viewer).zoom = 50

    def about_the_centre():
        y0, x0, y1, x1 = visible_box(viewer, layer, (400, 500))
        middle = ((y0 + y1) / 2, (x0 + x1) / 2)
        return np.allclose(middle, (100, 300), atol=1) and y1 - y0 < 100

    qtbot.waitUntil(about_the_centre, timeout=5000)


def test_the_box_is_what_napari_draws(viewer, layer, qtbot):
    viewer.window._qt_window.show()
    camera(viewer).center = tuple(layer.data_to_world((100, 300)))
    camera(viewer).zoom = 50

    def agree():
        y0, x0, y1, x1 = visible_box(viewer, layer, (400, 500))
        return np.allclose(((y0, x0), (y1, x1)), layer.corner_pixels, atol=3)

    qtbot.waitUntil(agree, timeout=5000)


def test_out_of_sight_means_all_of_it(viewer, layer):
    camera(viewer).center = (1e6, 1e6)
    assert visible_box(viewer, layer, (400, 500)) == (0, 0, 400, 500)


def test_a_transposed_view_means_all_of_it(viewer, layer):
    viewer.dims.order = (1, 0)
    camera(viewer).zoom = 50
    assert visible_box(viewer, layer, (400, 500)) == (0, 0, 400, 500)


def test_camera_moves_are_told_now_and_then(studio, viewer, qtbot):
    viewer.window._qt_window.show()
    qtbot.wait(500)
    looks = []
    studio.desk.planes.say.connect(lambda c: looks.append(c) if isinstance(c, Look) else None)
    for zoom in np.linspace(2, 20, 30):
        camera(viewer).zoom = zoom
    assert looks == []
    qtbot.waitUntil(lambda: bool(looks), timeout=2000)
    qtbot.wait(250)
    assert len(looks) == 1
    y0, _, y1, _ = looks[0].box
    assert y1 - y0 < 200


@pytest.mark.parametrize(
    ("label", "nameless"), [("", True), ("-3", True), ("axis -3", True), ("z", False)]
)
def test_axes_that_nobody_named(label, nameless):
    assert has_no_name(label) is nameless


def test_napari_names_no_axis_itself(layer):
    assert all(map(has_no_name, layer.axis_labels))
