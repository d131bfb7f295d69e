"""Stacks, channels and large images in the panel."""

from __future__ import annotations

import hands
import numpy as np
import pytest
import tifffile
from napari.layers import Labels

from napari_unet.core import image as image_module
from napari_unet.widgets import easel, pyramid
from napari_unet.widgets.easel import Easel, MovingEasel
from napari_unet.widgets.planes import (
    axis_names,
    channel_axis,
    choose_channel_axis,
    depth_axis,
    slice_axis,
)
from napari_unet.widgets.project_opening import begin_new, open_into


def paint_both(studio, plane=()):
    hands.paint(studio, 1, (*plane, slice(20, 40), slice(10, 30)))
    hands.paint(studio, 2, (*plane, slice(20, 40), slice(60, 80)))


def test_neighbours_are_predicted_before_the_user_scrolls(open_stack, viewer, qtbot):
    studio = open_stack(hands.halves(5, 100, 90))
    looks = []
    studio.desk.planes.say.connect(lambda c: looks.append(c) if hasattr(c, "near") else None)
    viewer.dims.set_point(0, 3)
    qtbot.waitUntil(lambda: bool(looks) and looks[-1].plane.endswith(":3"), timeout=5000)
    assert [name[-2:] for name in looks[-1].near] == [":4", ":2"]
    viewer.dims.set_point(0, 4)
    qtbot.waitUntil(lambda: looks[-1].plane.endswith(":4"), timeout=5000)
    assert [name[-2:] for name in looks[-1].near] == [":3"]


def test_a_new_layer_for_strokes_is_not_looked_through(open_stack, panel, viewer, monkeypatch):
    read, looked = Easel.read, []
    monkeypatch.setattr(Easel, "read", lambda s, at, *a: (looked.append(at), read(s, at, *a))[1])
    studio = open_stack(hands.halves(5, 100, 90))
    studio.desk.flush()
    assert set(looked) <= {(0,)}  # the plane in view
    given = Labels(np.zeros((5, 100, 90), np.uint8), name="given")
    given.data[3, :5] = 2
    studio.choose(studio.desk.active.images, given)
    assert set(looked) == {(k,) for k in range(5)}
    assert studio.desk.counts[2] == 450


def test_axes_are_shown_and_can_be_changed(open_stack, panel, viewer, qtbot):
    studio = open_stack(hands.halves(3, 2, 100, 90), axis_labels=("z", "c", "y", "x"))
    axes = panel.image.axes
    assert axes.currentText() == "channels: c (2); z (3)"
    active = studio.desk.active
    assert active.paint.data.shape == (3, 1, 100, 90)
    axes.setCurrentIndex(0)
    axes.activated.emit(0)
    assert studio.desk.active.paint.data.shape == (3, 2, 100, 90)
    assert active.paint not in viewer.layers
    assert len([layer for layer in viewer.layers if isinstance(layer, Labels)]) == 2
    assert axes.currentText() == "z (3); planes: c (2)"


@pytest.mark.parametrize(("labels", "wanted"), [
    (("t", "z", "y", "x"), "z (3); planes: t (2)"),
    (("z", "t", "y", "x"), "z (2); planes: t (3)"),
    (None, "z: axis 1 (3); planes: axis 0 (2)"),
])  # fmt: skip
def test_what_the_axes_are_is_guessed_and_said(open_stack, panel, labels, wanted):
    options = {} if labels is None else {"axis_labels": labels}
    open_stack(hands.halves(2, 3, 100, 90), **options)
    axes = panel.image.axes
    assert axes.currentText() == wanted
    entries = [axes.itemText(row) for row in range(axes.count())]
    assert len(set(entries)) == len(entries) == 7  # z of two or none; channels of two, z or none
    assert entries[0] == wanted


def test_z_can_be_another_axis_or_none(open_stack, panel, viewer, qtbot):
    studio = open_stack(hands.halves(2, 3, 100, 90))
    axes, image = panel.image.axes, studio.desk.active.image
    paint_both(studio, (0, 1))
    assert depth_axis(image) == slice_axis(image) == 1
    assert panel.image.volumes.text() == "look across z (axis 1)"
    for text, depth, following in (
        ("z: axis 0 (2); planes: axis 1 (3)", 0, 0), ("planes: axis 0 (2), axis 1 (3)", None, 1),
    ):  # fmt: skip
        row = axes.findText(text)
        axes.setCurrentIndex(row)
        axes.activated.emit(row)
        assert axes.currentText() == text
        assert (depth_axis(image), slice_axis(image)) == (depth, following)
        assert panel.image.volumes.isVisibleTo(panel) == (depth is not None)
    studio.desk.flush()
    assert studio.desk.counts[[1, 2]].tolist() == [400, 400]


def test_another_z_makes_other_volumes_and_keeps_the_strokes(open_stack, panel, qtbot):
    studio = open_stack(hands.halves(2, 3, 100, 90))
    paint_both(studio, (0, 1))
    studio.desk.active.strokes.scan()
    panel.image.volumes.click()
    said = []
    studio.desk.planes.say.connect(said.append)
    row = panel.image.axes.findText("z: axis 0 (2); planes: axis 1 (3)")
    panel.image.axes.setCurrentIndex(row)
    panel.image.axes.activated.emit(row)
    closed = [c.plane for c in said if type(c).__name__ == "Close"]
    told = [c for c in said if type(c).__name__ == "Annotate"]
    assert len(closed) == 1
    assert told[-1].annotations.shape == (2, 100, 90)
    assert told[-1].annotations.counts[[1, 2]].tolist() == [400, 400]
    assert told[-1].plane not in closed


@pytest.mark.parametrize("first", ["axes", "strokes"])
def test_chosen_axes_come_back_with_a_project(open_stack, panel, viewer, tmp_path, first):
    studio = open_stack(hands.halves(2, 3, 100, 90))

    def paint():
        paint_both(studio, (0, 1))
        studio.desk.flush()

    if first == "strokes":
        paint()
    row = panel.image.axes.findText("z: axis 0 (2); planes: axis 1 (3)")
    panel.image.axes.setCurrentIndex(row)
    panel.image.axes.activated.emit(row)
    if first == "axes":
        paint()
    folder = tmp_path / "kept"
    studio.project.save_as(folder)
    assert studio.project.close()
    begin_new(studio)
    open_into(studio, viewer, folder, lambda sentence, path: None)
    assert depth_axis(studio.desk.active.image) == 0
    assert panel.image.axes.currentText() == "z: axis 0 (2); planes: axis 1 (3)"


def test_the_same_axes_again_change_nothing(open_stack, panel, qtbot):
    studio = open_stack(hands.halves(2, 3, 100, 90))
    paint_both(studio, (0, 1))
    panel.image.volumes.click()
    said = []
    studio.desk.planes.say.connect(said.append)
    panel.image.axes.activated.emit(panel.image.axes.currentIndex())
    assert not said


def test_an_axis_of_one_channel_is_no_choice(open_stack, panel):
    open_stack(hands.halves(3, 1, 100, 90), axis_labels=("t", "c", "y", "x"))
    assert panel.image.axes.currentText() == "planes: t (3), c (1)"


def test_a_stack_is_segmented_from_the_plane_in_view(open_stack, viewer, qtbot):
    studio = open_stack(hands.halves(4, 100, 90))
    viewer.dims.set_point(0, 2)
    studio.desk.gaze.look()
    paint_both(studio, (2,))
    qtbot.waitUntil(lambda: studio.lesson.report.answered, timeout=10000)
    segmented = []
    studio.desk.planes.say.disconnect()
    take = studio.segmenter.take
    studio.segmenter.take = lambda tile: (segmented.append(tile.plane), take(tile))
    studio.segment()
    qtbot.waitUntil(lambda: not studio.segmenter.running, timeout=10000)
    order = [int(name.split(":")[1]) for name in dict.fromkeys(segmented)]
    assert order == [2, 1, 3, 0]
    assert viewer.layers["stack segmentation"].data.all()


@pytest.fixture
def large(open_stack, monkeypatch):
    """An image with levels that is large, as far as this test goes."""
    monkeypatch.setattr(image_module, "LARGE", 1 << 16)
    monkeypatch.setattr(easel, "SIDE", 512)
    monkeypatch.setattr(pyramid, "_COARSEST", 128)
    array = hands.halves(600, 700)
    return open_stack([array, array[::2, ::2], array[::4, ::4]], multiscale=True)


def test_a_large_image_is_offered_and_painted_on_where_the_user_looks(large, viewer, qtbot):
    studio = large
    said = []
    studio.keeper.post = said.append
    studio.desk.replay()
    qtbot.waitUntil(lambda: any(type(c).__name__ == "Offer" for c in said), timeout=5000)
    strokes = studio.desk.active.strokes
    assert isinstance(strokes.easel, MovingEasel)
    for number, (y, x) in enumerate([(20, 30), (560, 660)], start=1):
        strokes.lay((y, x, y + 10, x + 10))
        top, left = strokes.easel.origin
        hands.paint(studio, number, np.s_[y - top : y - top + 5, x - left : x - left + 5])
        studio.desk.flush()
    assert studio.desk.counts[[1, 2]].tolist() == [25, 25]
    annotated = [c for c in said if type(c).__name__ == "Annotate"][-1].annotations
    assert annotated.shape == (600, 700)
    assert annotated.counts[[1, 2]].tolist() == [25, 25]


def test_undo_reaches_strokes_that_are_out_of_view(large, viewer, qtbot):
    studio = large
    strokes = studio.desk.active.strokes
    strokes.lay((20, 30, 30, 40))
    top, left = strokes.easel.origin
    hands.paint(studio, 1, np.s_[20 - top : 25 - top, 30 - left : 35 - left])
    studio.desk.flush()
    strokes.lay((560, 660, 570, 670))
    qtbot.wait(50)
    studio.project.undo()
    assert not studio.desk.counts.any()
    studio.project.redo()
    assert studio.desk.counts[1] == 25


@pytest.mark.parametrize(("axes", "names", "channel"), [
    ("CYX", ["channel"], 0), ("ZYX", ["z"], None), ("QYX", ["axis 0"], None),
])  # fmt: skip
def test_axes_are_named_as_in_the_file(make_napari_viewer, tmp_path, axes, names, channel):
    path = tmp_path / "a.ome.tif"
    stack = np.zeros((5, 30, 40), np.uint8)
    if axes == "QYX":
        path = tmp_path / "a.tif"
        tifffile.imwrite(path, stack)
    else:
        tifffile.imwrite(path, stack, metadata={"axes": axes})
    (layer,) = make_napari_viewer().open(str(path), plugin="napari")
    assert axis_names(layer) == names
    assert channel_axis(layer) == channel
    choose_channel_axis(layer, None if channel == 0 else 0)
    assert channel_axis(layer) == (None if channel == 0 else 0)


@pytest.mark.parametrize("as_file", [False, True])
def test_an_axis_of_channels_comes_back_with_its_project(panel, viewer, tmp_path, image, as_file):
    studio, stack = panel.studio, np.stack([image, image // 2, 255 - image])
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, stack)
    (layer,) = viewer.open(str(path), plugin="napari") if as_file else [viewer.add_image(stack)]
    choose_channel_axis(layer, 0)
    studio.choose([layer])
    hands.paint(studio, 1, np.s_[0, 20:40, 10:60])
    studio.desk.flush()
    studio.project.save_as(tmp_path / "p")
    assert studio.project.close()
    begin_new(studio)
    open_into(studio, viewer, tmp_path / "p", lambda sentence, path: None)
    assert studio.desk.active.lengths == (1, 200, 240)
    assert channel_axis(studio.desk.active.image) == 0
    assert studio.desk.counts[1] == 1000
