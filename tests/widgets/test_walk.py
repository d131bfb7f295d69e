"""A folder of images that are annotated one after the other."""

from __future__ import annotations

import hands
import numpy as np
import pytest
import tifffile
from napari.layers._source import layer_source
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_unet.widgets import commands
from napari_unet.widgets.planes import channel_axis, choose_channel_axis
from napari_unet.widgets.project_opening import begin_new, open_into

CHANNELS = ("C0", "C1", "C2")


@pytest.fixture
def folder(tmp_path, image):
    folder = tmp_path / "cells"
    folder.mkdir()
    for number in (1, 2, 10):
        tifffile.imwrite(folder / f"cell{number}.tif", np.roll(image, number, axis=0))
    return folder


@pytest.fixture
def walk(panel, folder, qtbot):
    panel.studio.walk.begin(folder)
    assert panel.studio.desk.active.image.name == "cell1"
    return panel.studio.walk


def images(studio):
    return [binding.image.name for binding in studio.desk.bindings]


def stroke(studio):
    hands.paint(studio, 1, np.s_[20:40, 10:60])
    studio.desk.flush()


def test_before_a_folder_is_chosen_the_button_says_what_it_is_for(panel):
    choose = panel.image.folder.choose
    assert choose.text() == "step through a folder…"
    assert choose.toolTip().startswith("Step through a folder")


def test_images_come_in_natural_order_and_blank_ones_go(walk, panel, viewer):
    row = panel.image.folder
    assert row.choose.text() == "1 of 3"
    QTest.mouseClick(row.next, Qt.MouseButton.LeftButton)
    assert row.choose.text() == "2 of 3"
    assert [layer.name for layer in viewer.layers] == [
        "cell2", "cell2 prediction", "cell2 strokes",
    ]  # fmt: skip
    commands.next_image(viewer)
    assert images(panel.studio) == ["cell10"]
    assert not row.next.isEnabled()
    commands.next_image(viewer)
    assert "last image of the folder cells" in panel.studio.lesson.notice


def test_an_annotated_image_stays_hidden_and_comes_back(walk, panel, viewer):
    studio = panel.studio
    stroke(studio)
    walk.step(1)
    assert images(studio) == ["cell1", "cell2"]
    shown = {layer.name for layer in viewer.layers if layer.visible}
    assert shown == {"cell2", "cell2 prediction", "cell2 strokes"}
    assert studio.desk.counts[1] == 1000  # it is still learnt from
    walk.step(-1)
    assert studio.desk.active.image.name == "cell1"
    assert images(studio) == ["cell1"]
    assert viewer.layers["cell1 strokes"].visible
    assert studio.desk.counts[1] == 1000


def test_what_the_user_opened_is_never_taken_away(folder, panel, viewer, image):
    viewer.add_image(image, name="mine")
    panel.studio.choose([viewer.layers["mine"]])
    panel.studio.walk.begin(folder)
    assert "mine" in viewer.layers
    assert not viewer.layers["mine"].visible


def test_it_begins_at_the_image_in_work(folder, panel, viewer):
    (layer,) = viewer.open(str(folder / "cell2.tif"), plugin="napari")
    panel.studio.choose([layer])
    panel.studio.walk.begin(folder)
    assert panel.image.folder.choose.text() == "2 of 3"
    assert panel.studio.desk.active.image is layer
    panel.studio.walk.step(-1)
    assert panel.studio.desk.active.image.name == "cell1"


def test_a_broken_file_is_told_and_stepped_over(folder, panel):
    (folder / "cell2.tif").unlink()
    (folder / "cell2.npy").write_bytes(b"no image")
    walk = panel.studio.walk
    walk.begin(folder)
    walk.step(1)
    assert "cell2.npy cannot be read, step over it" in panel.studio.lesson.notice
    assert panel.studio.desk.active.image.name == "cell1"
    walk.step(1)
    assert panel.studio.desk.active.image.name == "cell10"


def test_channels_are_taken_over(tmp_path, panel, image):
    for name in "ab":
        tifffile.imwrite(tmp_path / f"{name}.tif", np.stack([image] * 5), metadata={"axes": "CYX"})
    walk = panel.studio.walk
    walk.begin(tmp_path)
    first = panel.studio.desk.active.image
    choose_channel_axis(first, 0)
    panel.studio.choose([first])
    walk.step(1)
    assert channel_axis(panel.studio.desk.active.image) == 0
    assert panel.studio.desk.active.lengths == (1, 200, 240)


def test_a_folder_without_images_is_told(tmp_path, panel):
    panel.studio.walk.begin(tmp_path)
    assert "holds no image" in panel.studio.lesson.notice
    assert panel.studio.walk.folder is None
    panel.studio.walk.step(1)
    assert "Choose a folder" in panel.studio.lesson.notice


def test_a_project_goes_on_in_its_folder(walk, panel, viewer, tmp_path):
    studio = panel.studio
    walk.step(1)
    stroke(studio)
    studio.project.save_as(tmp_path / "p")
    assert studio.project.close()
    begin_new(studio)
    assert walk.folder is None
    open_into(studio, viewer, tmp_path / "p", lambda sentence, path: None)
    assert panel.image.folder.choose.text() == "2 of 3"
    walk.step(1)
    assert images(studio) == ["cell2", "cell10"]


def test_the_brush_stays_in_hand(walk, panel):
    desk = panel.studio.desk
    for by in (1, 1, -1, -1):
        stroke(panel.studio)
        walk.step(by)
        assert desk.active.paint.mode == "paint"


def test_a_stroke_painted_just_before_is_kept(walk, panel):
    hands.paint(panel.studio, 1, np.s_[20:40, 10:60])
    walk.step(1)  # before the stroke was looked at
    assert images(panel.studio) == ["cell1", "cell2"]
    assert panel.studio.desk.counts[1] == 1000


@pytest.fixture
def three_channels(viewer, monkeypatch):
    """A reader that gives three layers for each file."""

    def read(_, path, **__):
        pixels = tifffile.imread(path)
        with layer_source(path=path, reader_plugin="three"):
            return [viewer.add_image(pixels, name=f"{name}-{path[-5]}") for name in CHANNELS]

    monkeypatch.setattr(type(viewer), "open", read)


def test_the_channel_that_was_chosen_is_taken_of_the_next_file(
    three_channels, panel, viewer, folder
):
    layers = viewer.open(str(folder / "cell1.tif"))
    panel.studio.choose([layers[1]])
    panel.studio.walk.begin(folder)
    stroke(panel.studio)
    panel.studio.walk.step(1)
    assert panel.studio.desk.active.image.name == "C1-2"
    viewer.layers.remove("C0-1")
    panel.studio.walk.step(-1)
    panel.studio.walk.step(1)
    assert panel.studio.desk.active.image.name == "C1-2"


def test_the_channel_is_known_to_a_project_that_was_opened(
    three_channels, panel, viewer, folder, tmp_path
):
    studio = panel.studio
    studio.choose([viewer.open(str(folder / "cell1.tif"))[1]])
    studio.walk.begin(folder)
    stroke(studio)
    studio.project.save_as(tmp_path / "p")
    assert studio.project.close()
    begin_new(studio)
    viewer.layers.clear()
    open_into(studio, viewer, tmp_path / "p", lambda sentence, path: None)
    assert studio.desk.active.image.name == "C1-1"
    studio.walk.step(1)
    assert studio.desk.active.image.name == "C1-2"


def test_an_image_whose_file_is_gone_comes_back_from_its_copy(walk, panel, viewer, tmp_path):
    studio = panel.studio
    stroke(studio)
    studio.project.save_as(tmp_path / "p")
    assert studio.project.close()
    begin_new(studio)
    (tmp_path / "cells" / "cell1.tif").unlink()
    open_into(studio, viewer, tmp_path / "p", lambda sentence, path: None)
    assert images(studio) == ["cell1"]
    assert studio.desk.counts[1] == 1000


def test_an_image_that_is_chosen_otherwise_is_shown_and_counted(walk, panel, viewer):
    studio = panel.studio
    stroke(studio)
    walk.step(1)
    stroke(studio)
    studio.choose([viewer.layers["cell1"]])
    assert viewer.layers["cell1"].visible
    assert not viewer.layers["cell2"].visible
    assert studio.desk.active.paint.mode == "paint"
    assert panel.image.folder.choose.text() == "1 of 3"
    studio.desk.visit(studio.desk.bindings[1], ())  # as undo does
    assert viewer.layers["cell2 strokes"].visible
    assert studio.desk.active.paint.mode == "paint"
    assert panel.image.folder.choose.text() == "2 of 3"
