"""Any layer of objects is corrected and coloured, not only the one that was made last."""

from __future__ import annotations

import numpy as np
import pytest
from test_object_section import MADE, cells, made

from napari_unet.core.objects_ids import ids_of
from napari_unet.widgets import notices, object_measuring

CHOOSE = "choose a layer"


def masks():
    """Three objects as another tool numbers them: two touch around (100, 100)."""
    labels = np.zeros((200, 240), np.int32)
    labels[80:120, 60:100], labels[80:120, 100:140], labels[5:25, 5:25] = 9, 4, 1000
    return labels


def choose(combo, text):
    row = combo.findText(text)
    assert row >= 0, [combo.itemText(k) for k in range(combo.count())]
    combo.setCurrentIndex(row)
    combo.activated.emit(row)


def measured(section, layer, qtbot):
    choose(section.result.layer, layer.name)
    qtbot.waitUntil(lambda: section.result.bar.isHidden(), timeout=10000)


@pytest.fixture
def section(studio, panel):
    """The open section, over a prediction of three cells."""
    prediction = studio.desk.active.prediction
    prediction.data[...] = cells(prediction.data.shape)
    section = panel.results.objects
    section.preview.setChecked(False)
    section.expand(animate=False)
    yield section
    section.collapse(animate=False)


@pytest.fixture
def opened(viewer, studio):
    """A layer of objects without measurements, as from a file."""
    return viewer.add_labels(masks(), name="halves_objects")


def test_only_what_may_hold_objects_is_offered(section, viewer, opened, qtbot):
    viewer.add_labels(np.ones((9, 9), int), name="another size")
    combo = section.result.layer
    assert [combo.itemText(k) for k in range(combo.count())] == [CHOOSE, "halves_objects"]
    made(viewer, section, qtbot)
    assert combo.currentText() == MADE
    assert combo.count() == 3


def test_a_layer_from_a_file_is_measured(section, studio, opened, qtbot):
    studio.desk.active.image.scale = (0.5, 0.5)
    studio.desk.active.image.units = ("um", "um")
    assert section.fixes.isHidden()
    measured(section, opened, qtbot)
    assert opened.features["index"].tolist() == [4, 9, 1000]
    assert opened.features["area (µm²)"].tolist() == [400, 400, 100]
    image = studio.desk.active.image.data
    assert opened.features["halves mean"][2] == pytest.approx(image[5:25, 5:25].mean())
    choose(section.colour, "area (µm²)")
    assert not np.allclose(opened.get_color(9), opened.get_color(1000))


def test_it_is_corrected_and_the_strokes_learn_of_it(section, studio, opened, qtbot):
    measured(section, opened, qtbot)
    assert "“cell”" in section.message.text()
    assert not section.fixes.isHidden()
    section.fixes._fixer.use("merge", [(100, 80), (100, 120)])
    assert opened.data[100, 80] == opened.data[100, 120] == 9
    assert studio.desk.active.paint.data[100, 80] >= 128
    assert opened.features["index"].tolist() == [9, 1000]
    choose(section.result.layer, CHOOSE)
    assert section.fixes.isHidden()
    assert not section.colour.isEnabled()


def test_objects_of_an_earlier_class_stay_of_that_class(section, studio, viewer, opened, qtbot):
    first = made(viewer, section, qtbot)
    studio.roster.set(studio.roster.classes.grown(3))
    section.number.setCurrentIndex(2)
    measured(section, opened, qtbot)
    section.fixes._fixer.use("delete", [(10, 10)])
    assert studio.roster.classes.objects == (3,)
    choose(section.result.layer, first.name)
    section.fixes._fixer.use("split", [(70, 80), (130, 80)])
    assert studio.roster.classes.objects == (2, 3)
    assert section.colour.layer is first


def test_objects_that_napari_opens_as_an_image_become_labels(section, viewer, qtbot):
    masks_ = viewer.add_image(masks().astype(np.uint16), name="a1_objects", scale=(0.5, 0.5))
    viewer.add_image(masks() / 2, name="no whole numbers")
    combo = section.result.layer
    assert [combo.itemText(k) for k in range(combo.count())] == [CHOOSE, "a1_objects"]
    choose(combo, "a1_objects")
    qtbot.waitUntil(lambda: section.result.bar.isHidden(), timeout=10000)
    layer = section.fixes.layer
    assert layer.name.startswith("a1_objects")
    assert combo.currentText() == layer.name
    assert layer.scale.tolist() == [0.5, 0.5]
    assert not masks_.visible
    section.fixes._fixer.use("delete", [(10, 10)])
    assert layer.features["index"].tolist() == [4, 9]


def test_what_somebody_measured_is_kept(section, viewer, studio, qtbot):
    table = {"index": [4, 9, 1000], "mine": [1.0, 2.0, 3.0], "name": ["a", "b", "c"]}
    layer = viewer.add_labels(masks(), name="measured", features=table)
    choose(section.result.layer, "measured")
    assert section.result.bar.isHidden()
    assert list(layer.features) == ["index", "mine", "name"]
    assert [section.colour.itemText(k) for k in range(1, section.colour.count())] == ["mine"]


def test_what_is_removed_meanwhile_is_measured_no_more(section, viewer, opened, monkeypatch):
    choose(section.result.layer, opened.name)
    assert section.result._measurer.running
    viewer.layers.remove(opened)
    assert not section.result._measurer.running
    assert section.result.layer.currentText() == CHOOSE


def test_what_cannot_be_measured_can_be_corrected(section, opened, qtbot, monkeypatch):
    def broken(*_args):
        raise MemoryError("not enough memory")

    told = []
    monkeypatch.setattr(notices, "report", lambda *said: told.append(said))
    monkeypatch.setattr(object_measuring, "measure", broken)
    measured(section, opened, qtbot)
    assert "not enough memory" in told[0][0]
    assert not section.fixes.isHidden()
    section.fixes._fixer.use("delete", [(10, 10)])
    assert not opened.data[10, 10]


def test_objects_of_other_planes_are_left_alone(panel, viewer, qtbot):
    """Ids that other planes have, too: of another tool, and where one of ours is split."""
    viewer.add_image(np.random.default_rng(0).random((3, 200, 240)), name="halves")
    qtbot.waitUntil(lambda: panel.studio.desk.active is not None, timeout=10000)
    section = panel.results.objects
    section.preview.setChecked(False)
    layer = viewer.add_labels(np.stack([masks(), masks() * 0, masks()]), name="masks")
    viewer.dims.set_current_step(0, 0)
    layer.data[2][layer.data[2] == 9] = 2000
    measured(section, layer, qtbot)
    assert layer.features["plane"].tolist() == [0, 0, 0, 2, 2, 2]
    section.fixes._fixer.use("split", [(70, 120), (130, 120)])
    assert sorted(np.unique(layer.data[0])) == [0, 4, 9, 1000, 2001]
    table = layer.features
    assert sorted(table["index"][table["plane"] == 2]) == [4, 1000, 2000]
    assert table["area (px²)"][(table["index"] == 4) & (table["plane"] == 2)].item() == 1600
    assert sorted(table["index"][table["plane"] == 0]) == [4, 9, 1000, 2001]


# -- classes change meanwhile ----------------------------------------------------------------


@pytest.fixture
def of_three(section, studio):
    """The section set to class 3, “nucleus”, of which the three cells are; class 2 is “cell”."""
    classes = studio.roster.classes.grown(3)
    studio.roster.set(classes.renamed(3, "nucleus"))
    prediction = studio.desk.active.prediction.data
    prediction[prediction == 2] = 3
    section.number.setCurrentIndex(2)
    return section


def made_while(section, viewer, qtbot, change):
    section.make.click()
    change()
    qtbot.waitUntil(lambda: section.bar.isHidden(), timeout=20000)
    return viewer.layers[-1]


def painted_as(section, studio, at=(0, 200)):
    """The class that a correction there is painted as."""
    section.fixes._fixer.use("split", [(0, at[1]), (20, at[1])])
    value = studio.desk.active.paint.data[at[0], at[1] - 3]
    found = [n for n in (1, 2, 3) if value in ids_of(n, studio.roster.classes.objects)]
    return studio.roster.classes.names[found[0] - 1]


def test_a_class_that_is_removed_as_its_objects_are_made(of_three, studio, viewer, qtbot):
    layer = made_while(of_three, viewer, qtbot, lambda: studio.roster.remove(3))
    assert of_three.fixes.isHidden()
    assert of_three.colour.layer is layer
    said = of_three.message.text()
    assert said.startswith("3 objects in the new layer")
    assert "The class “nucleus” is gone" in said
    choose(of_three.result.layer, layer.name)  # as it says
    assert "painted as objects of “cell”" in of_three.message.text()


def test_a_lower_class_that_is_removed_as_objects_are_made(of_three, studio, viewer, qtbot):
    made_while(of_three, viewer, qtbot, lambda: studio.roster.remove(2))
    assert studio.roster.classes.names == ("background", "nucleus")
    assert painted_as(of_three, studio) == "nucleus"


def rename(studio, number, name):
    studio.roster.set(studio.roster.classes.renamed(number, name))


def test_a_class_that_is_renamed_as_its_objects_are_made(of_three, studio, viewer, qtbot):
    made_while(of_three, viewer, qtbot, lambda: rename(studio, 3, "core"))
    assert painted_as(of_three, studio) == "core"


def test_a_class_that_goes_or_moves_while_objects_are_measured(of_three, studio, opened, qtbot):
    choose(of_three.result.layer, opened.name)
    studio.roster.remove(2)
    qtbot.waitUntil(lambda: of_three.result.bar.isHidden(), timeout=10000)
    assert "objects of “nucleus”" in of_three.message.text()
    del opened.metadata["napari-unet class of objects"]
    opened.features = {}
    studio.roster.set(studio.roster.classes.grown(3))
    of_three.number.setCurrentIndex(2)
    choose(of_three.result.layer, opened.name)
    studio.roster.remove(3)
    qtbot.waitUntil(lambda: of_three.result.bar.isHidden(), timeout=10000)
    assert "is gone" in of_three.message.text()
    assert of_three.fixes.isHidden()
    assert opened.features["index"].tolist() == [4, 9, 1000]


def test_a_result_is_of_its_class_after_that_was_renamed(of_three, studio, viewer, opened, qtbot):
    layer = made(viewer, of_three, qtbot)
    copy = viewer.add_layer(type(layer)(**_state(layer)))
    measured(of_three, opened, qtbot)
    rename(studio, 3, "core")
    of_three.number.setCurrentIndex(1)
    for again in (layer, copy):
        choose(of_three.result.layer, again.name)
        assert "objects of “core”" in of_three.message.text()


def _state(layer):
    state = {"name": "copy", "features": layer.features, "metadata": dict(layer.metadata)}
    return {"data": layer.data.copy(), **state}


def test_a_class_that_is_removed_while_its_objects_are_corrected(of_three, studio, viewer, qtbot):
    made(viewer, of_three, qtbot)
    assert painted_as(of_three, studio) == "nucleus"
    studio.roster.remove(2)
    paint = studio.desk.active.paint.data
    paint[90:110, 70:90] = 2  # of the class that was 3
    studio.desk.active.strokes.flush()
    of_three.fixes._fixer.use("delete", [(100, 80)])
    assert paint[100, 80] == 1
    studio.roster.set(studio.roster.classes.grown(3))
    studio.roster.remove(1)  # undo brings back what the values mean now
    assert of_three.fixes.isHidden()  # it is the background now
    assert "background" in of_three.message.text()


def test_undo_brings_back_strokes_of_the_class_that_they_were_of(section, studio, viewer, qtbot):
    studio.roster.set(studio.roster.classes.grown(4))
    made(viewer, section, qtbot)
    paint = studio.desk.active.paint.data
    paint[90:110, 70:90] = 4
    studio.desk.active.paint.refresh()
    studio.desk.flush()
    section.fixes._fixer.use("delete", [(100, 80)])
    assert paint[100, 80] == 1
    studio.roster.remove(3)
    section.fixes._fixer.undo()
    assert paint[100, 80] == 3


def test_the_class_of_what_is_corrected_is_removed(of_three, studio, viewer, qtbot):
    made(viewer, of_three, qtbot)
    assert not of_three.fixes.isHidden()
    studio.roster.remove(3)
    assert of_three.fixes.isHidden()
    assert "The class “nucleus” is gone" in of_three.message.text()


def test_objects_of_the_background_are_not_corrected(section, studio, viewer, qtbot):
    section.number.setCurrentIndex(0)
    layer = made(viewer, section, qtbot)
    assert section.fixes.isHidden()
    assert section.colour.layer is layer
    assert "“background” is the background, which has no objects" in section.message.text()


# -- tables of other tools -------------------------------------------------------------------


def test_a_table_of_another_tool_is_no_measurement_of_ours(section, viewer, qtbot):
    table = {"label": [1000, 9, 4, 77], "area": [10.0, 9.0, 8.0, 7.0], "kind": ["a", "b", "c", "d"]}
    layer = viewer.add_labels(masks(), name="theirs", features=table)
    measured(section, layer, qtbot)
    assert layer.features["index"].tolist() == [4, 9, 1000]
    assert layer.features["area (px²)"].tolist() == [1600, 1600, 400]
    assert layer.features["area"].tolist() == [8.0, 9.0, 10.0]  # by their labels
    assert layer.features["kind"].tolist() == ["c", "b", "a"]
    assert section.colour.findText("area") > 0
    section.fixes._fixer.use("delete", [(10, 10)])
    assert layer.features["index"].tolist() == [4, 9]


@pytest.mark.parametrize(
    "table", [{"area": [1.0, 2.0, 3.0]}, {"label": [4, 4, 9]}, {"label": ["4", "9", "1000"]}]
)
def test_a_table_that_does_not_say_of_which_object_is_replaced(section, viewer, qtbot, table):
    layer = viewer.add_labels(masks(), name="theirs", features=table)
    measured(section, layer, qtbot)
    assert layer.features["index"].tolist() == [4, 9, 1000]
    assert not {"label", "area"} & set(layer.features)


def test_what_cannot_be_measured_is_split_into_new_ids(panel, viewer, qtbot, monkeypatch):
    def broken(*_args):
        raise MemoryError("not enough memory")

    monkeypatch.setattr(notices, "report", lambda *_: None)
    monkeypatch.setattr(object_measuring, "measure", broken)
    viewer.add_image(np.random.default_rng(0).random((3, 200, 240)), name="halves")
    qtbot.waitUntil(lambda: panel.studio.desk.active is not None, timeout=10000)
    section = panel.results.objects
    section.preview.setChecked(False)
    layer = viewer.add_labels(np.stack([masks(), masks() * 0, masks() * 2]), name="masks")
    viewer.dims.set_current_step(0, 0)
    measured(section, layer, qtbot)
    section.fixes._fixer.use("split", [(70, 120), (130, 120)])
    assert sorted(np.unique(layer.data[0])) == [0, 4, 9, 1000, 2001]
