"""Objects that are corrected in the result layer become strokes, and can be undone."""

from __future__ import annotations

import hands
import numpy as np
import pytest
from napari.layers import Shapes
from napari.utils.colormaps import CyclicLabelColormap
from test_object_section import cells, made


@pytest.fixture
def fixed(studio, panel, viewer, qtbot):
    """The section with its result: cells around (100, 80) and (100, 122), one at the rim."""
    prediction = studio.desk.active.prediction
    prediction.data[...] = cells(prediction.data.shape)
    prediction.refresh()
    section = panel.results.objects
    section.preview.setChecked(False)
    section.expand(animate=False)
    made(viewer, section, qtbot)
    yield section
    section.collapse(animate=False)


@pytest.fixture
def objects(fixed):
    return fixed.colour.layer


@pytest.fixture
def use(fixed):
    """Do as the pen does when a line was drawn."""

    def use(tool, *path):
        fixed.fixes._fixer.use(tool, list(path))

    return use


@pytest.fixture
def paint(studio):
    return studio.desk.active.paint


def ids_at(layer, *points):
    return [int(layer.data[at]) for at in points]


def test_merged_objects_become_one_object_of_paint(use, objects, paint, fixed, studio):
    one, other = ids_at(objects, (100, 80), (100, 122))
    assert one != other
    use("merge", (100, 80), (100, 122))
    assert ids_at(objects, (100, 80), (100, 122)) == [one, one]
    first, second = ids_at(paint, (100, 80), (100, 122))
    assert first == second >= 128
    assert studio.roster.classes.objects == (2,)
    assert other not in set(objects.features["index"])
    area = objects.features.set_index("index")["area (px²)"][one]
    assert area == (objects.data == one).sum()


def test_a_deleted_object_becomes_background(use, objects, paint):
    (number,) = ids_at(objects, (100, 80))
    where = objects.data == number
    use("delete", (100, 80))
    assert not (objects.data == number).any()
    assert (paint.data[where] == 1).all()
    assert number not in set(objects.features["index"])


def test_split_objects_become_two_objects_of_paint(use, objects, paint):
    before = len(objects.features)
    use("split", (70, 80), (130, 80))
    assert objects.data[100, 65] != objects.data[100, 90]
    assert paint.data[100, 65] != paint.data[100, 90]
    assert min(ids_at(paint, (100, 65), (100, 90))) >= 128
    assert len(objects.features) == before + 1


def choose(fixed, column):
    """Colour by a measurement, as the user does."""
    row = fixed.colour.findText(column)
    assert row > 0
    fixed.colour.setCurrentIndex(row)
    fixed.colour.activated.emit(row)


def test_colours_follow_what_is_corrected(use, objects, fixed, qtbot):
    choose(fixed, "area (px²)")
    use("split", (70, 80), (130, 80))
    one, other = ids_at(objects, (100, 65), (100, 90))
    area = objects.features.set_index("index")["area (px²)"]
    for number in (one, other):
        assert objects.get_color(number)[3] > 0
    largest, smallest = int(area.idxmax()), int(area.idxmin())
    assert objects.get_color(largest)[0] > objects.get_color(largest)[2]  # viridis: yellow
    assert objects.get_color(smallest)[2] > objects.get_color(smallest)[0]  # violet
    assert fixed.colour.currentText() == "area (px²)"
    fixed.fixes.undo.click()
    objects.data_setitem(np.nonzero(objects.data == one), 77)
    assert objects.get_color(77)[3] > 0  # it is seen while it is painted
    grey = objects.get_color(77)
    qtbot.waitUntil(lambda: 77 in set(objects.features["index"]), timeout=2000)
    qtbot.waitUntil(lambda: not np.allclose(objects.get_color(77), grey), timeout=2000)


def test_a_measurement_that_vanished_colours_nothing(use, objects, fixed):
    objects.features = objects.features.assign(mine=np.arange(len(objects.features)))
    fixed.colour.show_layer(objects)
    choose(fixed, "mine")
    use("split", (70, 80), (130, 80))  # what somebody added is not known of new objects
    assert "mine" not in objects.features
    assert fixed.colour.findText("mine") < 0
    assert fixed.colour.currentIndex() == 0
    (other,) = ids_at(objects, (100, 90))
    assert objects.get_color(other)[3] > 0
    assert isinstance(objects.colormap, CyclicLabelColormap)


def test_undo_puts_objects_strokes_and_measurements_back(use, objects, paint, fixed):
    paint.data[95:105, 70:75] = 2
    was = objects.data.copy(), paint.data.copy(), objects.features.copy()
    assert not fixed.fixes.undo.isEnabled()
    use("merge", (100, 80), (100, 122))
    use("delete", (100, 80))
    fixed.fixes.undo.click()
    fixed.fixes.undo.click()
    assert (objects.data == was[0]).all()
    assert (paint.data == was[1]).all()
    assert objects.features.equals(was[2])
    assert not fixed.fixes.undo.isEnabled()


def test_repainting_with_naparis_tools_counts_and_so_does_its_undo(fixed, objects, paint, qtbot):
    (number,) = ids_at(objects, (100, 80))
    objects.data_setitem(np.nonzero(objects.data == number), 0)
    qtbot.waitUntil(fixed.fixes.undo.isEnabled, timeout=2000)
    assert paint.data[100, 80] == 1
    objects.undo()
    qtbot.waitUntil(lambda: not fixed.fixes.undo.isEnabled(), timeout=2000)
    assert not paint.data.any()
    assert number in set(objects.features["index"])


def test_the_engine_learns_of_it(use, studio):
    use("delete", (100, 80))
    studio.desk.flush()
    assert studio.desk.counts[1] > 1000


def test_a_line_that_does_nothing_is_told_of(use, fixed, paint):
    use("split", (10, 10), (20, 20))
    assert "across an object" in fixed.message.text()
    use("merge", (100, 80), (100, 80))
    assert "from one object" in fixed.message.text()
    assert not paint.data.any()


def test_a_line_is_drawn_with_the_mouse(fixed, objects, viewer, qtbot):
    viewer.window._qt_window.show()
    qtbot.wait(100)
    viewer.reset_view()
    fixed.fixes.tools["merge"].click()
    assert "Drag from one object" in fixed.message.text()
    sheet = viewer.layers.selection.active
    assert isinstance(sheet, Shapes)
    hands.stroke(viewer, objects, (100, 80), (100, 122))
    qtbot.waitUntil(lambda: objects.data[100, 80] == objects.data[100, 122], timeout=3000)
    assert len(sheet.data) == 0
    fixed.fixes.tools["merge"].click()
    assert sheet not in viewer.layers
    assert viewer.layers.selection.active is objects


def test_without_its_layer_there_is_nothing_to_correct(fixed, objects, viewer):
    fixed.fixes.tools["split"].click()
    viewer.layers.remove(objects)
    assert fixed.fixes.isHidden()
    assert not any(isinstance(layer, Shapes) for layer in viewer.layers)
