"""Several images in a project: the list, validation, and the same score after reopening."""

from __future__ import annotations

import hands
import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_unet.core.annotations import Annotations
from napari_unet.core.project.recovery import open_project
from napari_unet.engine.messages import Annotate, Dealt
from napari_unet.widgets.project_list import rows
from napari_unet.widgets.project_opening import open_into

NAME, STATE, ASIDE = range(3)


@pytest.fixture
def two(studio, viewer, image, qtbot):
    """The studio at work on "halves", and another image that is not used yet."""
    viewer.add_image(image[::-1].copy(), name="other")
    return studio


@pytest.fixture
def listed(panel, two, qtbot):
    """The list of both images."""
    images = panel.project.images
    qtbot.waitUntil(lambda: images.topLevelItemCount() == 2, timeout=5000)
    return images


def said(studio):
    """Commands to the engine from now on."""
    commands = []
    studio.desk.planes.say.connect(commands.append)
    return commands


def texts(images):
    images.refresh()
    count = images.topLevelItemCount()
    return [(images.topLevelItem(k).text(NAME), images.topLevelItem(k).text(STATE))
            for k in range(count)]  # fmt: skip


def test_one_image_needs_no_list(panel, studio):
    panel.project.images.refresh()
    assert panel.project.images.isHidden()


def test_each_image_with_what_was_done(listed, two, qtbot):
    hands.paint(two, 1, np.s_[20:40, 10:60])
    hands.paint(two, 2, np.s_[20:40, 150:200])
    qtbot.waitUntil(lambda: two.desk.active.predicted, timeout=10000)
    assert texts(listed) == [("halves", "annotated, predicted"), ("other", "")]
    assert not listed.isHidden()


def test_a_click_goes_to_an_image_and_hides_the_others(listed, two, viewer):
    first = two.desk.active
    listed.itemClicked.emit(listed.topLevelItem(1), NAME)
    assert two.desk.active.image is viewer.layers["other"]
    assert viewer.layers["other"].visible
    assert not any(layer.visible for layer in (first.image, first.paint, first.prediction))
    listed.refresh()
    listed.itemClicked.emit(listed.topLevelItem(0), NAME)
    assert two.desk.active is first
    assert first.image.visible
    assert first.paint.visible
    assert not viewer.layers["other"].visible


def test_an_image_is_kept_for_validation(listed, two):
    hands.paint(two, 1, np.s_[20:40, 10:60])
    two.desk.flush()
    listed.refresh()
    commands = said(two)
    listed.topLevelItem(0).setCheckState(ASIDE, Qt.CheckState.Checked)
    assert rows(two)[0].aside
    told = [c for c in commands if isinstance(c, Annotate)]
    assert [c.aside for c in told] == [True]
    hands.paint(two, 2, np.s_[60:70, 10:60])
    two.desk.flush()
    assert [c.aside for c in commands if isinstance(c, Annotate)] == [True, True]
    listed.topLevelItem(0).setCheckState(ASIDE, Qt.CheckState.Unchecked)
    assert not [c for c in commands if isinstance(c, Annotate)][-1].aside


def test_the_keys_choose_an_image_and_tick_validate(listed, two, viewer):
    hands.paint(two, 1, np.s_[20:40, 10:60])
    two.desk.flush()
    listed.refresh()
    viewer.window._qt_window.show()
    listed.setFocus()
    listed.setCurrentItem(listed.topLevelItem(0))
    QTest.keyClick(listed, Qt.Key.Key_Space)
    assert rows(two)[0].aside
    listed.refresh()
    QTest.keyClick(listed, Qt.Key.Key_Space)  # the row is still the current one
    assert not rows(two)[0].aside
    QTest.keyClick(listed, Qt.Key.Key_Down)
    QTest.keyClick(listed, Qt.Key.Key_Space)  # nothing is painted there, so there is no tick
    assert rows(two)[1].aside is None
    QTest.keyClick(listed, Qt.Key.Key_Return)
    assert two.desk.active.image is viewer.layers["other"]


def test_validation_and_held_out_strokes_come_back(listed, two, viewer, tmp_path):
    hands.paint(two, 1, np.s_[20:40, 10:60])
    two.desk.flush()
    two.project.save_as(tmp_path / "p")
    held = np.zeros((200, 240), np.uint8)
    held[20:40, 50:60] = 1
    two.desk.planes.deal(Dealt(f"{two.desk.active.number}:", Annotations.of(held)))
    two.project.put_aside(two.desk.active, aside=True)
    assert two.project.leave()
    two.desk.clear()
    opened = open_project(tmp_path / "p")
    assert opened.manifest.images[0].aside
    assert opened.held[1, ()].same_as(Annotations.of(held))
    opened.folder.close()
    commands = said(two)
    open_into(two, viewer, tmp_path / "p", lambda sentence, path: None)
    told = [c for c in commands if isinstance(c, Annotate)][-1]
    assert told.aside
    assert told.held.same_as(Annotations.of(held))
    assert rows(two)[0].aside


def test_an_image_that_was_not_found_is_listed_as_such(listed, two, viewer):
    hands.paint(two, 1, np.s_[20:40, 10:60])
    two.desk.flush()
    viewer.layers.remove("halves")
    assert ("halves", "not open") in texts(listed)
