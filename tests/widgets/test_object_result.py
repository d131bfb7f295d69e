"""Any layer of objects is corrected and coloured, not only the one that was made last."""

from __future__ import annotations

import numpy as np
import pytest
from test_object_section import MADE, cells, made

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
