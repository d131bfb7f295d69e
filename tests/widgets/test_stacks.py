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
from napari_unet.widgets.planes import axis_names, channel_axis, choose_channel_axis
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
    assert axes.currentText() == "channels: c (2)"
    active = studio.desk.active
    assert active.paint.data.shape == (3, 1, 100, 90)
    axes.setCurrentIndex(0)
    axes.activated.emit(0)
    assert studio.desk.active.paint.data.shape == (3, 2, 100, 90)
    assert active.paint not in viewer.layers
    assert len([layer for layer in viewer.layers if isinstance(layer, Labels)]) == 2
    assert "z (3), c (2)" in axes.currentText()


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
