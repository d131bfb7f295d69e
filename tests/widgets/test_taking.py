"""Labels that are there already become strokes."""

from __future__ import annotations

import numpy as np
import pytest

from napari_unet.widgets.compat import camera, visible_box

SHAPE = (200, 240)


@pytest.fixture
def masks(studio, viewer):
    """Two touching objects and one apart, as another tool numbers them."""
    labels = np.zeros(SHAPE, np.int32)
    labels[20:40, 20:40], labels[20:40, 40:60], labels[100:120, 150:170] = 7, 1000, 3
    return viewer.add_labels(labels, name="masks")


@pytest.fixture
def section(masks, panel):
    panel.classes.take.expand(animate=False)
    panel.classes.take.source.show_layer(masks)
    panel.classes.take.refresh()
    return panel.classes.take


def test_nothing_is_painted_from_no_layer(studio, panel):
    assert not panel.classes.take.paint.isEnabled()


def test_masks_of_another_tool_become_objects_on_background(studio, section):
    section.where.setCurrentText("all")
    section.paint.click()
    data = studio.desk.active.paint.data
    assert data[0, 0] == 1
    ids = {int(data[30, 30]), int(data[30, 50]), int(data[110, 160])}
    assert len(ids) == 3
    assert min(ids) >= 128
    assert studio.roster.classes.objects == (2,)
    studio.desk.flush()
    assert studio.desk.counts[1:3].tolist() == [SHAPE[0] * SHAPE[1] - 1200, 1200]
    studio.desk.active.paint.undo()
    assert not studio.desk.active.paint.data.any()


def test_only_what_is_in_view_is_taken(studio, section, viewer, qtbot):
    viewer.window._qt_window.show()  # napari < 0.9 tells what is in view once it is drawn
    camera(viewer).center = (30, 40)
    camera(viewer).zoom = 12
    layer = studio.desk.active.paint
    qtbot.waitUntil(lambda: visible_box(viewer, layer, SHAPE)[2] < 100, timeout=5000)
    section.paint.click()
    data = studio.desk.active.paint.data
    assert data[30, 40] >= 128
    assert data[110, 160] == 0


def test_only_what_is_inside_shapes_is_taken(studio, section, viewer):
    section.where.setCurrentText("inside shapes")
    section.paint.click()
    assert "Nothing is drawn" in studio.lesson.notice
    viewer.add_shapes([[[95, 145], [95, 175], [125, 175], [125, 145]]])
    section.paint.click()
    data = studio.desk.active.paint.data
    assert data[110, 160] >= 128
    assert data[97, 150] == 1
    assert not data[:90].any()


def test_unlabelled_stays_unpainted(studio, section, masks):
    masks.data[:] = np.where(masks.data == 3, 1, masks.data)
    section.holds.setCurrentIndex(1)
    section.where.setCurrentText("all")
    section.paint.click()
    data = studio.desk.active.paint.data
    assert data[110, 160] == 1
    assert data[0, 0] == 0
    assert data[30, 30] >= 128


def test_classes_are_taken_as_they_are(studio, section, masks):
    section.holds.setCurrentText("classes")
    section.where.setCurrentText("all")
    section.paint.click()
    assert "objects" in studio.lesson.notice  # 1000 is no class
    masks.data[:] = np.where(masks.data == 1000, 2, masks.data > 0)
    section.paint.click()
    assert studio.desk.active.paint.data[30, 50] == 2
    assert studio.roster.classes.objects == (2,)[:0]


def test_a_layer_of_another_size_is_refused(studio, section, viewer):
    other = viewer.add_labels(np.ones((20, 20), int))
    section.source.show_layer(other)
    section.paint.click()
    assert "another size" in studio.lesson.notice


def offered(section):
    """Without the first entry, which stands for none, and the prediction."""
    names = [section.source.itemText(k) for k in range(1, section.source.count())]
    return [name for name in names if not name.endswith("prediction")]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_masks_that_napari_opens_as_an_image_are_taken(studio, panel, viewer, dtype):
    labels = np.zeros(SHAPE, dtype)
    labels[20:40, 20:40], labels[20:40, 40:60] = 7, 200
    masks = viewer.add_image(labels, name="cp_masks")
    viewer.add_image(labels / 2, name="no whole numbers")
    viewer.add_image(labels[1:], name="another size")
    viewer.add_image(np.stack([labels] * 3, axis=-1).astype(np.uint8), rgb=True, name="colours")
    section = panel.classes.take
    assert offered(section) == ["cp_masks"]
    section.source.show_layer(masks)
    section.refresh()
    section.where.setCurrentText("all")
    section.paint.click()
    data = studio.desk.active.paint.data
    assert data[0, 0] == 1
    assert min(data[30, 30], data[30, 50]) >= 128
    assert data[30, 30] != data[30, 50]


def test_the_image_itself_holds_no_masks(panel, viewer, qtbot):
    whole = np.arange(SHAPE[0] * SHAPE[1], dtype=np.uint16).reshape(SHAPE)
    viewer.add_image(whole, name="16 bits")
    qtbot.waitUntil(lambda: panel.studio.desk.active is not None, timeout=5000)
    assert offered(panel.classes.take) == []
