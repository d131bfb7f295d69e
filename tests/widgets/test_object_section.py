from __future__ import annotations

import threading
from types import SimpleNamespace

import numpy as np
import pytest
from napari.layers import Labels
from qtpy.QtWidgets import QWidget

from napari_unet.core.objects import ObjectSettings, find_objects
from napari_unet.core.settings import declared
from napari_unet.engine.messages import Look, Predicted
from napari_unet.widgets import notices, object_maker, object_preview
from napari_unet.widgets.certainty import SAID, Certainty, keep
from napari_unet.widgets.object_making import place_in_world
from napari_unet.widgets.object_section import ObjectSection

MADE = "halves objects"
PREVIEW = "halves objects (preview)"


def cells(shape):
    """Two touching disks and one at the border, as class 2."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    classes = np.ones(shape, np.uint8)
    for row, column, radius in ((100, 80, 24), (100, 122, 24), (0, 200, 12)):
        classes[np.hypot(y - row, x - column) <= radius] = 2
    return classes


@pytest.fixture
def section(studio, panel, viewer, qtbot):
    """The open section, over a prediction of three cells, all in view."""
    prediction = studio.desk.active.prediction
    prediction.data[...] = cells(prediction.data.shape)
    prediction.refresh()
    viewer.reset_view()
    section = panel.results.objects
    section.expand(animate=False)
    yield section
    section.collapse(animate=False)


def shown(viewer, qtbot, count):
    """Wait until the preview shows so many objects."""

    def there():
        return PREVIEW in viewer.layers and len(np.unique(viewer.layers[PREVIEW].data)) - 1 == count

    qtbot.waitUntil(there, timeout=10000)
    return viewer.layers[PREVIEW]


def made(viewer, section, qtbot):
    section.make.click()
    assert not section.bar.isHidden()
    qtbot.waitUntil(lambda: section.bar.isHidden(), timeout=20000)
    return viewer.layers[-1]


def test_the_form_has_every_setting(section):
    assert section.fields.keys() == {knob.name for knob in declared(ObjectSettings())}
    assert section.number.currentText() == "cell"


def test_folded_away_it_shows_nothing(studio, panel, viewer, qtbot):
    studio.desk.active.prediction.data[...] = cells((200, 240))
    qtbot.wait(500)
    assert PREVIEW not in viewer.layers


def test_the_preview_counts_and_leaves_the_brush_alone(section, studio, viewer, qtbot):
    layer = shown(viewer, qtbot, 3)
    assert "In view: 3 objects" in section.message.text()
    assert viewer.layers.selection.active is studio.desk.active.paint
    assert not layer.editable
    assert viewer.layers.index(layer) < viewer.layers.index(studio.desk.active.paint)


def test_the_preview_follows_the_settings(section, viewer, qtbot):
    shown(viewer, qtbot, 3)
    section.fields["whole"].value = True
    shown(viewer, qtbot, 2)
    section.fields["split"].value = False
    assert not section.fields["strength"].enabled
    shown(viewer, qtbot, 1)
    section.fields["smallest"].value = 100_000
    qtbot.waitUntil(lambda: "no object of this class" in section.message.text(), timeout=10000)


def test_the_preview_follows_the_prediction(section, studio, viewer, qtbot):
    layer = shown(viewer, qtbot, 3)
    studio.desk.active.prediction.data[:, 100:] = 1
    studio.news.emit()
    shown(viewer, qtbot, 1)
    assert viewer.layers[PREVIEW] is layer


def test_the_preview_follows_the_view(section, studio, viewer, qtbot, monkeypatch):
    shown(viewer, qtbot, 3)
    monkeypatch.setattr(object_preview, "visible_box", lambda *_: (0, 180, 40, 240))
    studio.watch.moved.emit()
    shown(viewer, qtbot, 2)  # with its margin it sees half of a disk


def test_of_a_large_view_the_middle_is_shown(section, studio, viewer, qtbot, monkeypatch):
    monkeypatch.setattr(object_preview, "_LARGEST", 60)
    section.fields["smallest"].value = 5
    qtbot.waitUntil(lambda: "In the middle of the view" in section.message.text(), timeout=10000)
    layer = viewer.layers[PREVIEW]
    assert layer.data[70:130, 90:150].any()
    assert not layer.data[:, :90].any()


def test_folding_takes_the_preview_away(section, viewer, qtbot):
    shown(viewer, qtbot, 3)
    section.collapse(animate=False)
    assert PREVIEW not in viewer.layers
    qtbot.wait(400)
    assert PREVIEW not in viewer.layers


def test_a_removed_preview_stays_away(section, viewer, qtbot):
    viewer.layers.remove(shown(viewer, qtbot, 3))
    qtbot.waitUntil(lambda: not section.preview.isChecked(), timeout=10000)
    qtbot.wait(400)
    assert PREVIEW not in viewer.layers


def test_objects_become_a_layer_with_features(section, studio, viewer, qtbot):
    image = studio.desk.active.image
    image.scale, image.translate, image.units = (0.5, 0.5), (10, 20), ("um", "um")
    layer = made(viewer, section, qtbot)
    assert (layer.name, layer.data.dtype, layer.data.max()) == (MADE, np.uint8, 3)
    assert layer.scale.tolist() == [0.5, 0.5]
    assert layer.translate.tolist() == [10, 20]
    assert layer.units == image.units
    table = layer.features
    assert table["index"].tolist() == [1, 2, 3]
    pixels = np.bincount(layer.data.ravel())[1:]
    assert np.allclose(table["area (µm²)"], pixels * 0.25)
    assert np.allclose(table["centroid y (µm)"][1:], 10 + 50, atol=0.5)
    means = [image.data[layer.data == k].mean() for k in (1, 2, 3)]
    assert np.allclose(table["halves mean"], means)
    assert layer.metadata["objects"]["split"] is True
    assert "3 objects" in section.message.text()
    assert PREVIEW not in viewer.layers


def test_the_pixels_of_an_image_without_units_are_px(section, viewer, qtbot):
    assert "area (px²)" in made(viewer, section, qtbot).features


def test_no_object_is_said(section, viewer, qtbot):
    section.fields["smallest"].value = 100_000
    made(viewer, section, qtbot)
    assert MADE not in viewer.layers
    assert "no object of this class" in section.message.text()


def test_making_can_be_cancelled(section, viewer, qtbot, monkeypatch):
    ended = threading.Event()

    def endless(_task, progress):
        try:
            while True:
                progress(1, 2)
        finally:
            ended.set()

    monkeypatch.setattr(object_maker, "make", endless)
    section.make.click()
    assert not section.make.isEnabled()
    section.cancel.click()
    assert ended.wait(3)
    assert section.make.isEnabled()
    assert "Cancelled" in section.message.text()
    assert MADE not in viewer.layers


def test_errors_are_reported(section, viewer, qtbot, monkeypatch):
    def broken(*_args, **_more):
        raise MemoryError("not enough memory")

    told = []
    monkeypatch.setattr(notices, "report", lambda *said: told.append(said))
    monkeypatch.setattr(object_maker, "make", broken)
    section.make.click()
    qtbot.waitUntil(lambda: bool(told), timeout=10000)
    assert "not enough memory" in told[0][0]
    assert "MemoryError" in told[0][1]
    assert section.make.isEnabled()
    monkeypatch.setattr(object_preview, "find_objects", broken)
    section.fields["smallest"].value = 31
    qtbot.waitUntil(lambda: len(told) > 1, timeout=10000)
    assert not section.preview.isChecked()


def test_planes_of_a_stack_have_objects_of_their_own(panel, viewer, qtbot):
    viewer.add_image(np.random.default_rng(0).random((3, 200, 240)), name="halves")
    qtbot.waitUntil(lambda: panel.studio.desk.active is not None, timeout=10000)
    panel.studio.desk.active.prediction.data[[0, 2]] = cells((200, 240))
    panel.studio.desk.active.prediction.data[1] = 1
    section = panel.results.objects
    section.expand(animate=False)
    viewer.dims.set_current_step(0, 2)
    qtbot.waitUntil(lambda: PREVIEW in viewer.layers, timeout=10000)
    qtbot.waitUntil(lambda: viewer.layers[PREVIEW].data[2].any(), timeout=10000)
    assert not viewer.layers[PREVIEW].data[:2].any()
    layer = made(viewer, section, qtbot)
    assert layer.data.shape == (3, 200, 240)
    assert np.unique(layer.data[0]).tolist() == [0, 1, 2, 3]
    assert not layer.data[1].any()
    assert np.unique(layer.data[2]).tolist() == [0, 4, 5, 6]
    assert layer.features["plane"].tolist() == [0, 0, 0, 2, 2, 2]


def test_a_new_segmentation_is_taken(section, studio, viewer, qtbot):
    layer = Labels(cells((200, 240)), name="halves segmentation")
    studio.segmenter.finished.emit(layer, "")
    assert layer in viewer.layers
    assert section.source.layer is layer
    layer.data[:, 100:] = 1
    assert made(viewer, section, qtbot).data.max() == 1


def bar(shape):
    """A bar of class 2, and a dip of its probability where two cells meet that its shape hides."""
    classes, sure = np.ones(shape, np.uint8), np.full(shape, 255, np.uint8)
    classes[60:120, 20:220] = 2
    sure[60:120, 116:124] = 140
    return classes, sure


def predict(studio, *, certain=True):
    """The engine says it, as the live prediction."""
    binding = studio.desk.active
    classes, sure = bar(binding.lengths[-2:])
    tile = Predicted("p", 999, 0, 0, classes, certainty=sure if certain else None)
    binding.tiles.write((), tile, visible=True)
    studio.news.emit()
    return classes, sure


def test_the_preview_and_the_objects_are_cut_where_the_network_is_unsure(
    section, studio, viewer, qtbot
):
    classes, sure = predict(studio)
    layer = shown(viewer, qtbot, 2)
    wanted = find_objects(classes, 2, probability=sure)
    assert np.array_equal(layer.data, wanted)
    assert np.array_equal(made(viewer, section, qtbot).data, wanted)
    predict(studio, certain=False)
    assert made(viewer, section, qtbot).data.max() == find_objects(classes, 2).max() == 1


def test_the_preview_follows_how_sure_the_prediction_is(section, studio, viewer, qtbot):
    predict(studio, certain=False)
    shown(viewer, qtbot, 1)
    predict(studio)
    shown(viewer, qtbot, 2)
    section.fields["split"].value = False
    shown(viewer, qtbot, 1)


def test_a_segmentation_is_cut_as_it_was_predicted_and_other_layers_by_their_shape(
    section, studio, viewer, qtbot
):
    classes, sure = bar((200, 240))
    layer, copy = Labels(classes, name="halves segmentation"), Labels(classes, name="copy")
    keep(layer, Certainty(np.zeros(classes.shape, SAID))).write((), 0, 0, classes, sure)
    for labels, count in ((layer, 2), (copy, 1)):
        studio.segmenter.finished.emit(labels, "")
        assert made(viewer, section, qtbot).data.max() == count


def test_what_is_painted_in_a_segmentation_is_certain(section, studio, viewer, qtbot):
    classes, sure = bar((200, 240))
    gap = np.nonzero(sure < 255)
    classes[gap] = 1
    layer = Labels(classes, name="halves segmentation")
    keep(layer, Certainty(np.zeros(classes.shape, SAID))).write((), 0, 0, classes, sure)
    studio.segmenter.finished.emit(layer, "")
    assert made(viewer, section, qtbot).data.max() == 2
    layer.data_setitem(gap, 2)
    assert made(viewer, section, qtbot).data.max() == 1


def test_it_is_asked_for_while_objects_are_cut(section, studio):
    asked = []
    studio.desk.planes.say.connect(
        lambda said: asked.append(said.certainty) if isinstance(said, Look) else None
    )
    section.fields["split"].value = False
    section.fields["split"].value = True
    section.collapse(animate=False)
    section.expand(animate=False)
    assert asked == [False, True, False, True]


def test_a_layer_of_another_size_cannot_be_used(section, viewer):
    other = viewer.add_labels(np.ones((9, 9), np.uint8))
    section.source.show_layer(other)
    section.source.chosen.emit(other)
    assert not section.make.isEnabled()
    section.source.show_layer(None)
    section.source.chosen.emit(None)
    assert section.make.isEnabled()


def test_strokes_and_previews_are_not_offered(section, viewer, qtbot):
    shown(viewer, qtbot, 3)
    offered = [section.source.itemText(k) for k in range(section.source.count())]
    assert offered == ["the live prediction"]


def test_objects_are_coloured_by_a_measurement(section, viewer, qtbot):
    assert not section.colour.isEnabled()
    layer = made(viewer, section, qtbot)
    row = section.colour.findText("area (px²)")
    section.colour.setCurrentIndex(row)
    section.colour.activated.emit(row)
    area = layer.features["area (px²)"]
    small, large = int(area.idxmin()) + 1, int(area.idxmax()) + 1
    assert layer.get_color(small)[2] > layer.get_color(small)[0]  # viridis: violet to yellow
    assert layer.get_color(large)[0] > layer.get_color(large)[2]
    section.colour.activated.emit(0)
    viewer.layers.remove(layer)
    assert not section.colour.isEnabled()


def test_without_an_image_nothing_can_be_made(panel):
    assert not panel.results.objects.make.isEnabled()


def test_it_fits_into_the_panel(section, panel, viewer, qtbot):
    made(viewer, section, qtbot)
    assert panel.findChild(QWidget, "content").minimumSizeHint().width() <= 320


def painted_objects(studio, *sides):
    """Paint squares as objects of class 2, each with an id of its own."""
    studio.roster.tell_apart(2, on=True)
    paint, left = studio.desk.active.paint, 5
    for number, side in enumerate(sides):
        paint.data[5 : 5 + side, left : left + side] = 128 + number
        left += side + 3
    paint.refresh()


def test_painted_objects_say_how_small_one_may_be(section, studio, viewer, qtbot):
    section.collapse(animate=False)
    painted_objects(studio, 20, 30, 40)
    section.expand(animate=False)
    assert section.fields["smallest"].value == 140
    assert studio.object_settings.smallest == 140


def test_a_size_that_the_user_chose_stays(section, studio, viewer, qtbot):
    section.fields["smallest"].value = 77
    section.collapse(animate=False)
    painted_objects(studio, 20, 30, 40)
    section.expand(animate=False)
    assert section.fields["smallest"].value == 77


def test_without_objects_the_size_stays_what_it_was(section, studio, viewer, qtbot):
    section.collapse(animate=False)
    section.expand(animate=False)
    assert section.fields["smallest"].value == ObjectSettings().smallest


@pytest.mark.parametrize("micro", ["\u00b5", "\u03bc"])
def test_micrometres_are_written_one_way_whatever_pint_does(micro):
    class Unit:
        def __format__(self, _how):
            return f"{micro}m"

        def __str__(self):
            return "micrometer"

    layer = SimpleNamespace(scale=(0.5, 0.5), translate=(0.0, 0.0), units=(Unit(), Unit()))
    assert place_in_world(layer).unit == "\u00b5m"


def test_the_size_of_one_class_says_nothing_of_another(section, studio, viewer, qtbot):
    section.collapse(animate=False)
    painted_objects(studio, 20, 30, 40)
    section.expand(animate=False)
    section.number.setCurrentIndex(0)
    section.number.activated.emit(0)
    assert section.fields["smallest"].value == ObjectSettings().smallest
    section.number.setCurrentIndex(1)
    section.number.activated.emit(1)
    assert section.fields["smallest"].value == 140


def test_objects_that_are_painted_meanwhile_count_as_objects_are_made(
    section, studio, viewer, qtbot
):
    painted_objects(studio, 20, 30, 40)
    made(viewer, section, qtbot)
    assert section.fields["smallest"].value == 140


def test_a_panel_that_is_opened_again_knows_a_chosen_size(section, studio, viewer, qtbot):
    section.fields["smallest"].value = 77
    painted_objects(studio, 20, 30, 40)
    again = ObjectSection(studio)
    qtbot.addWidget(again)
    again.expand(animate=False)
    assert again.fields["smallest"].value == 77
    again.collapse(animate=False)
