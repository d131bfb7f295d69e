"""Stacks that the network sees as a whole, in the panel."""

from __future__ import annotations

import sys

import dask.array as da
import hands
import numpy as np
import pytest
from fake_model import model_bytes
from napari.layers import Image
from scipy import ndimage as ndi

from napari_unet.core import image as image_module
from napari_unet.core.annotations import Annotations
from napari_unet.core.objects_paint import class_map
from napari_unet.widgets import keeper
from napari_unet.widgets.panel import AnnotatePanel
from napari_unet.widgets.pixels import pixels_of
from napari_unet.widgets.planes import choose_channel_axis, depth_axis
from napari_unet.widgets.project_opening import begin_new, open_into
from napari_unet.widgets.regions import region_of, regions

RNG = np.random.default_rng(0)


@pytest.fixture
def said(open_stack):
    """What the engine is told of a stack with two painted slices."""
    studio = open_stack(hands.halves(6, 100, 90), scale=(3, 1, 1))
    hands.paint(studio, 1, np.s_[1, 20:40, 10:30])
    hands.paint(studio, 2, np.s_[1, 20:40, 60:80])
    hands.paint(studio, 2, np.s_[4, 50:60, 60:80])
    studio.desk.active.strokes.scan()
    commands = []
    studio.desk.planes.say.connect(commands.append)
    return studio, commands


def named(commands, kind):
    return [c for c in commands if type(c).__name__ == kind]


# -- which stacks are volumes, and what of them is sent ---------------------------------------


@pytest.mark.parametrize(("shape", "labels", "axis"), [
    ((40, 30), ("y", "x"), None),
    ((5, 40, 30), ("z", "y", "x"), 0),
    ((5, 40, 30), ("t", "y", "x"), None),
    ((5, 40, 30), None, 0),
    ((1, 40, 30), ("z", "y", "x"), None),
    ((5, 4, 40, 30), ("z", "t", "y", "x"), 0),
    ((5, 4, 40, 30), ("t", "z", "y", "x"), 1),
    ((5, 4, 40, 30), ("z", "c", "y", "x"), 0),
])  # fmt: skip
def test_depth_is_guessed_from_the_names_of_axes(shape, labels, axis):
    options = {} if labels is None else {"axis_labels": labels}
    assert depth_axis(Image(np.zeros(shape), **options)) == axis


@pytest.mark.parametrize(("order", "wanted"), [
    ("tzcyx", lambda a, t: a[t].swapaxes(0, 1)),
    ("tczyx", lambda a, t: a[t]),
    ("ztcyx", lambda a, t: a[:, t].swapaxes(0, 1)),
])  # fmt: skip
def test_a_volume_of_any_order_of_axes_becomes_czyx(order, wanted):
    array = RNG.integers(0, 99, (2, 3, 4, 20, 30), np.uint8)
    layer = Image(array, axis_labels=tuple(order), scale=(2, 2, 2, 0.5, 0.5))
    choose_channel_axis(layer, order.index("c"))
    index = [0, 0, 0]
    index[order.index("t")] = 1
    region = region_of(layer, tuple(index), deep=True)
    pixels = pixels_of([layer], region)
    assert np.array_equal(pixels.whole(), wanted(array, 1))
    assert pixels.shape == wanted(array, 1).shape[1:]
    assert region.anisotropy == 4
    assert len(regions(layer, deep=True)) == array.shape[order.index("t")]


def test_colour_and_single_planes_are_volumes_too():
    colour = Image(RNG.integers(0, 99, (4, 20, 30, 3), np.uint8), rgb=True)
    whole = pixels_of([colour], region_of(colour, (2,), deep=True)).whole()
    assert np.array_equal(whole, np.moveaxis(colour.data, -1, 0))
    narrow = Image(RNG.random((4, 20, 3)), rgb=False)
    assert pixels_of([narrow], region_of(narrow, (0,), deep=True)).whole().shape == (1, 4, 20, 3)
    plane = Image(RNG.random((20, 30)))
    assert pixels_of([plane], region_of(plane, (), deep=True)).whole().shape == (1, 1, 20, 30)


def test_paint_of_slices_is_that_of_the_volume_and_back():
    layer = Image(np.zeros((2, 5, 40, 30)), axis_labels=("t", "z", "y", "x"))
    paint = {(1, z): Annotations.of(RNG.integers(0, 3, (40, 30), np.uint8)) for z in (1, 4)}
    region = region_of(layer, (1, 3), deep=True)
    whole = region.together(paint)
    assert whole.shape == (5, 40, 30)
    assert whole.painted_slices == (1, 4)
    back = region.apart(whole)
    assert all(back[index].same_as(own) for index, own in paint.items())
    assert not back[1, 0].blocks
    assert region.together({}) is None
    assert region.is_painted(paint)
    assert not region.is_painted({(0, 1): paint[1, 1], (1, 2): Annotations((40, 30))})
    assert region.slice_of((1, 3)) == 3


def test_slices_are_one_while_the_ids_of_objects_go_from_one_after_the_other():
    layer = Image(np.zeros((3, 40, 30)), axis_labels=("z", "y", "x"))
    numbered = np.zeros((40, 30), np.uint8)
    numbered[:5], numbered[10:15], numbered[20:25] = 1, 128, 130
    plain = np.where(numbered >= 128, 2, numbered)
    for first, last in (((plain, ()), (numbered, (2,))), ((numbered, (2,)), (plain, ()))):
        paint = {(z,): Annotations.of(v, None, o) for z, (v, o) in enumerate((first, last))}
        whole = region_of(layer, (0,), deep=True).together(paint)
        assert whole.objects == first[1]
        assert np.array_equal(class_map(whole)[:2], [plain, plain])


# -- the switch -------------------------------------------------------------------------------


def test_only_stacks_are_offered_to_be_seen_as_a_whole(panel, studio, viewer):
    section = panel.image
    assert not section._form.isRowVisible(section.volumes)
    stack = viewer.add_image(hands.halves(6, 50, 60), axis_labels=("z", "y", "x"))
    studio.choose([stack])
    assert section._form.isRowVisible(section.volumes)
    assert section.volumes.text() == "look across z"
    assert section.volumes.isEnabled()
    assert not section.volumes.isChecked()
    assert "above and below" in section.volumes.toolTip()
    studio.release()
    studio.desk.planes.see_volumes(volumes=True)  # the next project says so
    studio.choose([viewer.add_image(hands.halves(20, 30), name="plane")])
    assert section._form.isRowVisible(section.volumes)
    assert section.volumes.text() == "look across slices"


def test_the_engine_gets_the_whole_stack_and_all_strokes(said, panel, viewer, qtbot):
    studio, commands = said
    panel.image.volumes.click()
    (opened,) = named(commands, "Open")
    assert opened.image.shape == (1, 6, 100, 90)
    assert opened.anisotropy == 3
    (painted,) = named(commands, "Annotate")
    assert painted.seen
    assert painted.annotations.shape == (6, 100, 90)
    assert painted.annotations.counts[[1, 2]].tolist() == [400, 600]
    assert {c.plane[-2:] for c in named(commands, "Close")} >= {":1", ":4"}
    assert "starts anew" in studio.lesson.notice
    assert studio.desk.counts[[1, 2]].tolist() == [400, 600]
    viewer.dims.set_point(0, 3 * 4)
    qtbot.waitUntil(lambda: named(commands, "Look")[-1].z == 4, timeout=5000)
    assert len(named(commands, "Open")) == 1
    panel.image.volumes.click()
    assert {c.annotations.shape for c in named(commands, "Annotate")[1:]} == {(100, 90)}
    assert studio.desk.counts[[1, 2]].tolist() == [400, 600]


@pytest.mark.parametrize("empty", [False, True])
def test_a_large_stack_is_offered_and_one_that_cannot_be_used_is_told(said, monkeypatch, empty):
    studio, commands = said
    monkeypatch.setattr(image_module, "LARGE", 20_000)
    if empty:
        studio.desk.active.image.data[:] = 7
    studio.network.see_volumes(volumes=True)
    assert studio.lesson.urgent == empty
    assert ("same value" in studio.lesson.notice) == empty
    assert [c.shape for c in named(commands, "Offer")] == [(1, 6, 100, 90)] * (not empty)
    assert not named(commands, "Open")


def test_all_slices_are_predicted_and_segmented(said, panel, viewer, qtbot):
    studio, _ = said
    panel.image.volumes.click()
    shown = studio.desk.active.prediction.data
    wanted = np.where(np.arange(90) < 45, 1, 2)
    qtbot.waitUntil(lambda: (shown == wanted).all(), timeout=10000)
    assert "starts anew" in studio.lesson.notice  # though the first answer came
    studio.segment()
    qtbot.waitUntil(lambda: not studio.segmenter.running, timeout=10000)
    assert (viewer.layers["stack segmentation"].data == wanted).all()


def test_strokes_come_back_from_the_engine_slice_by_slice(said, panel):
    from napari_unet.engine.messages import Dealt

    studio, commands = said
    panel.image.volumes.click()
    (painted,) = named(commands, "Annotate")
    told = []
    studio.desk.planes.dealt.connect(lambda b, index, held: told.append((index, held.shape)))
    kept = Annotations.of_volume(np.where(painted.annotations.dense() == 1, 1, 0))
    studio.desk.planes.deal(Dealt(painted.plane, kept))
    assert told == [((1,), (100, 90)), ((4,), (100, 90))]
    panel.image.volumes.click()
    held = {c.plane[-2:]: c.held.counts[1] for c in named(commands, "Annotate")[1:]}
    assert held == {":1": 400, ":4": 0}


@pytest.mark.parametrize("large", [False, True])
def test_a_project_comes_back_as_a_volume(said, panel, viewer, tmp_path, monkeypatch, large):
    studio, commands = said
    if large:
        monkeypatch.setattr(image_module, "LARGE", 20_000)
    panel.image.volumes.click()
    studio.project.save_as(tmp_path / "p")
    assert studio.project.close()
    begin_new(studio)
    assert not studio.desk.planes.volumes
    commands.clear()
    open_into(studio, viewer, tmp_path / "p", lambda sentence, path: None)
    assert panel.image.volumes.isChecked()
    sent = named(commands, "Offer") if large else [c.image for c in named(commands, "Open")]
    assert {c.shape for c in sent} == {(1, 6, 100, 90)}
    assert studio.desk.counts[[1, 2]].tolist() == [400, 600]
    studio.project.undo()
    assert named(commands, "Annotate")[-1].annotations.shape == (6, 100, 90)


def test_a_model_of_volumes_turns_the_stack_into_one(said, panel, tmp_path):
    studio, commands = said
    path = tmp_path / "volumes.safetensors"
    path.write_bytes(model_bytes(studio.roster.classes.names, axes=3))
    studio.network.load(path)
    assert studio.desk.planes.volumes
    assert panel.image.volumes.isChecked()
    assert studio.lesson.knows
    assert named(commands, "Open")[-1].image.ndim == 4


# -- with the real engine ---------------------------------------------------------------------


@pytest.mark.timeout(400)
def test_strokes_on_two_slices_segment_all(make_napari_viewer, qtbot):
    z, y, x = np.mgrid[:8, :96, :96]
    inside = (y - 48) ** 2 + (x - 30 - 5 * z) ** 2 < 22**2
    coarse = ndi.gaussian_filter(RNG.normal(0, 1, inside.shape), (0, 2, 2))
    image = np.where(inside, 110 + 120 * coarse, 90 + 8 * RNG.normal(0, 1, inside.shape))
    viewer = make_napari_viewer(show=True)
    viewer.window._qt_window.resize(1000, 800)
    viewer.add_image(np.clip(image, 0, 255).astype(np.uint8), axis_labels=("z", "y", "x"))
    panel = AnnotatePanel(viewer)
    viewer.window.add_dock_widget(panel, area="right")
    studio = panel.studio
    qtbot.waitUntil(lambda: studio.desk.active is not None, timeout=5000)
    panel.image.volumes.click()
    layer = studio.desk.active.paint
    layer.brush_size = 5
    viewer.reset_view()
    for at in (1, 6):
        viewer.dims.set_point(0, at)
        qtbot.wait(50)
        middle = 30 + 5 * at
        for number, row, left, right in (
            (2, 42, middle - 10, middle + 10), (2, 56, middle - 8, middle + 8),
            (1, 10, 10, 60), (1, 85, 30, 80),
        ):  # fmt: skip
            studio.roster.select(number)
            hands.stroke(viewer, layer, (at, row, left), (at, row, right))
    qtbot.waitUntil(lambda: studio.lesson.report.answered, timeout=120000)
    panel.training.train.click()
    qtbot.waitUntil(lambda: studio.lesson.report.step >= 1, timeout=200000)
    panel.training.train.click()
    shown = studio.desk.active.prediction.data
    qtbot.waitUntil(lambda: bool(shown.all()), timeout=60000)
    assert set(np.flatnonzero(layer.data.any((1, 2)))) == {1, 6}
    for number, truth in ((1, ~inside), (2, inside)):
        for at in (0, 3, 4, 7):
            assert (shown[at][truth[at]] == number).mean() > 0.75, (number, at)


DRIVE = (
    "from napari_unet.core import image; image.LARGE = 1 << 14; "
    "from napari_unet.engine.worker import main; main()"
)


@pytest.mark.timeout(400)
def test_a_stack_too_large_to_be_sent_is_worked_on_as_a_whole(
    make_napari_viewer, qtbot, monkeypatch
):
    monkeypatch.setattr(image_module, "LARGE", 1 << 14)
    monkeypatch.setattr(keeper, "engine_command", [sys.executable, "-c", DRIVE])
    lazy = da.from_array(hands.halves(5, 60, 70), chunks=(1, 60, 70))  # no slice of it is large
    viewer = make_napari_viewer()
    panel = AnnotatePanel(viewer)
    viewer.window.add_dock_widget(panel, area="right")
    studio, said = panel.studio, []
    viewer.add_image(lazy, name="stack", axis_labels=("z", "y", "x"), contrast_limits=(0, 255))
    qtbot.waitUntil(lambda: studio.desk.active is not None, timeout=5000)
    studio.desk.planes.say.connect(said.append)
    panel.image.volumes.click()
    for at in (2, 3):
        hands.paint(studio, 1, np.s_[at, 20:40, 5:30])
        hands.paint(studio, 2, np.s_[at, 20:40, 40:65])
    studio.desk.active.strokes.scan()
    qtbot.waitUntil(lambda: studio.lesson.report.answered, timeout=120000)
    shown, wanted = studio.desk.active.prediction.data, np.where(np.arange(70) < 35, 1, 2)
    qtbot.waitUntil(lambda: bool(shown.all()), timeout=120000)
    assert (shown == wanted).mean() > 0.95
    assert [c.shape for c in named(said, "Offer")] == [(1, 5, 60, 70)]
    assert not named(said, "Open")
    studio.segment()
    qtbot.waitUntil(lambda: not studio.segmenter.running, timeout=120000)
    assert (viewer.layers["stack segmentation"].data == wanted).mean() > 0.95
    for action, painted in ((studio.project.undo, 0), (studio.project.redo, 2000)):
        action()
        studio.desk.flush()
        assert named(said, "Annotate")[-1].annotations.counts.sum() == painted
