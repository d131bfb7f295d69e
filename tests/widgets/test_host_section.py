"""Choosing where to compute, with a stand-in for ssh."""

from __future__ import annotations

import hands
import numpy as np
import pytest

from napari_unet.engine.host import Host
from napari_unet.widgets import hosts
from napari_unet.widgets.guidance import Learning, advice

LAB = Host("lab")


@pytest.fixture
def section(panel, painted, closed):
    """The section of a panel in which there is an answer already."""
    return panel.host


def connect(section, address="lab"):
    """As the user does it: another machine, its address, Connect."""
    section.place.activated.emit(section.place.count() - 1)
    section.address.setText(address)
    section.connect_button.click()


@pytest.fixture
def away(section, painted, qtbot):
    """The section once another machine computes."""
    connect(section)
    qtbot.waitUntil(lambda: painted.keeper.host == LAB, timeout=10000)
    qtbot.waitUntil(lambda: painted.lesson.report.answered, timeout=10000)
    return section


def test_at_first_this_machine_computes(panel):
    assert panel.host.text() == "Compute on this machine"
    assert panel.host.place.currentText() == "This machine"
    assert not panel.host.address.isVisibleTo(panel.host.content())


def test_the_work_moves_to_another_machine(away, panel, painted):
    assert away.text() == "Compute on lab"
    assert "Connected to lab" in away.state.text()
    assert "on lab" in panel.scores.detail.text()
    assert hosts.known() == [LAB]
    assert painted.lesson.lost == ""


def test_training_goes_on_there_and_back_here(section, painted, qtbot):
    painted.train()
    qtbot.waitUntil(lambda: painted.lesson.report.step > 2, timeout=10000)
    connect(section)
    qtbot.waitUntil(lambda: painted.keeper.host == LAB, timeout=10000)
    qtbot.waitUntil(lambda: painted.lesson.report.answered, timeout=10000)
    assert painted.lesson._model  # what was learnt here was told there
    for host in (LAB, None):
        assert painted.keeper.host == host
        before = len(painted.lesson.report.losses)
        qtbot.waitUntil(lambda n=before: len(painted.lesson.report.losses) > n, timeout=10000)
        section.place.setCurrentIndex(0)
        section.place.activated.emit(0)
        qtbot.waitUntil(lambda: painted.keeper.host is None, timeout=10000)
    assert painted.lesson.learning is Learning.TRAINING


def test_a_machine_that_refuses_is_told_in_the_guide(section, painted, qtbot):
    connect(section, "closed")
    qtbot.waitUntil(lambda: bool(painted.lesson.lost), timeout=10000)
    told = advice(painted.situation)
    assert told.urgent
    assert "closed refuses ssh" in told.sentence
    assert "strokes are safe" in told.sentence
    assert "press “Connect”" in told.sentence
    assert "(no connection)" in section.text()
    assert hosts.known() == []  # what never answered is not offered again


def test_connect_tries_again(section, painted, closed, qtbot):
    closed.touch()
    connect(section)
    qtbot.waitUntil(lambda: bool(painted.lesson.lost), timeout=10000)
    closed.unlink()
    section.connect_button.click()
    assert painted.lesson.lost == ""
    qtbot.waitUntil(lambda: painted.lesson.report.answered, timeout=10000)


def test_a_lost_line_keeps_strokes_and_goes_on_by_itself(away, painted, closed, qtbot):
    painted.train()
    qtbot.waitUntil(lambda: painted.lesson.report.step > 2, timeout=10000)
    closed.touch()
    painted.keeper._link.process.kill()
    qtbot.waitUntil(lambda: bool(painted.lesson.lost), timeout=10000)
    assert "is tried again by itself" in advice(painted.situation).sentence
    hands.paint(painted, 2, np.s_[60:80, 150:200])  # while nobody hears of it
    assert "is tried again by itself" in advice(painted.situation).sentence
    before = len(painted.lesson.report.losses)
    closed.unlink()
    qtbot.waitUntil(lambda: painted.lesson.report.answered, timeout=20000)
    assert painted.lesson.lost == ""
    qtbot.waitUntil(lambda: len(painted.lesson.report.losses) > before, timeout=10000)
    assert painted.desk.counts[2] > 20 * 50


def test_who_was_segmenting_as_the_line_broke_is_told_when_it_is_back(away, painted, closed, qtbot):
    painted.keeper.post = lambda command: None  # it will not finish
    painted.segment()
    del painted.keeper.post
    closed.touch()
    painted.keeper._link.process.kill()
    qtbot.waitUntil(lambda: bool(painted.lesson.lost), timeout=10000)
    assert not painted.segmenter.running
    assert "“Segment this image” again" not in advice(painted.situation).sentence
    closed.unlink()
    qtbot.waitUntil(lambda: painted.lesson.report.answered, timeout=20000)
    assert "“Segment this image” again" in advice(painted.situation).sentence
    painted.lesson.say("")
    assert "“Segment this image” again" not in advice(painted.situation).sentence


def test_what_is_no_address_is_told_at_once(section, painted):
    connect(section, "-oProxyCommand=x")
    assert "user@host" in section.state.text()
    assert painted.keeper.host is None


def test_machines_that_answered_are_offered(panel, away, painted, qtbot):
    texts = [away.place.itemText(i) for i in range(away.place.count())]
    assert texts == ["This machine", "ssh lab", "Another machine…"]
    away.place.activated.emit(0)
    qtbot.waitUntil(lambda: painted.keeper.host is None, timeout=10000)
    away.place.activated.emit(1)
    qtbot.waitUntil(lambda: painted.keeper.host == LAB, timeout=10000)


def test_leaving_a_lost_machine_ends_the_trying(away, panel, painted, closed, qtbot):
    closed.touch()
    painted.keeper._link.process.kill()
    qtbot.waitUntil(lambda: bool(painted.lesson.lost), timeout=10000)
    painted.leave(id(panel))
    assert not painted.keeper.running
    assert painted.lesson.lost == ""


def test_a_whole_image_is_segmented_there(away, painted, viewer, qtbot):
    painted.segment()
    qtbot.waitUntil(lambda: not painted.segmenter.running, timeout=10000)
    assert "halves segmentation" in [layer.name for layer in viewer.layers]


def test_an_engine_that_was_given_up_there_is_started_again_by_connect(away, painted, qtbot):
    painted.keeper.close()
    painted.keeper.given_up.emit("It said nothing.")
    assert "The engine on lab stopped. Press Connect" in away.state.text()
    away.connect_button.click()
    assert not painted.lesson.gone
    qtbot.waitUntil(lambda: painted.lesson.report.answered, timeout=10000)


def test_weights_from_far_away_are_waited_for_longer(away, panel, painted, qtbot):
    painted.train()
    qtbot.waitUntil(lambda: painted.lesson.report.step > 2, timeout=10000)
    post, painted.lesson._post = painted.lesson._post, lambda command: None
    painted.care.move(None)
    assert painted.care._patience.interval() == 60_000
    painted.leave(id(panel))  # and the panel is closed meanwhile
    assert not painted.care._patience.isActive()
    painted.lesson._post = post
    painted.join(id(panel))
    assert painted.keeper.host is None
    painted.train()
    painted.care.move(LAB)
    painted.lesson.withheld.emit()  # it died: nothing is waited for any more
    qtbot.waitUntil(lambda: painted.keeper.host == LAB, timeout=2000)
