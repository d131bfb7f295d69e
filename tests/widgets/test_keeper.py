from __future__ import annotations

import sys

import pytest

from napari_unet.core.settings import Settings
from napari_unet.engine import host as host_module
from napari_unet.engine.host import Host
from napari_unet.engine.messages import Configure, Ready
from napari_unet.widgets import keeper as module
from napari_unet.widgets.keeper import Keeper


@pytest.fixture
def keeper(fake_engine, qtbot):
    keeper = Keeper()
    keeper.said, keeper.deaths, keeper.ends = [], [], []
    keeper.partings, keeper.returns = [], []
    keeper.parted.connect(lambda *told: keeper.partings.append(told))
    keeper.returned.connect(lambda: keeper.returns.append(True))
    keeper.received.connect(keeper.said.extend)
    keeper.died.connect(keeper.deaths.append)
    keeper.given_up.connect(keeper.ends.append)
    yield keeper
    keeper.close()


def ended(qtbot, process, seconds=5):
    qtbot.waitUntil(lambda: process.poll() is not None, timeout=seconds * 1000)


def test_it_hands_on_what_the_engine_says(keeper, qtbot):
    assert keeper.start()
    assert not keeper.start()
    qtbot.waitUntil(lambda: bool(keeper.said), timeout=5000)
    assert isinstance(keeper.said[0], Ready)


def test_without_an_engine_commands_are_dropped(keeper):
    keeper.post(Configure(("a", "b"), Settings()))
    assert not keeper.running
    assert keeper.process_id is None


def test_closing_ends_the_process(keeper, qtbot):
    keeper.start()
    process = keeper._link.process
    keeper.close()
    ended(qtbot, process)
    assert keeper.deaths == []


def test_a_process_that_dies_is_told_and_started_again(keeper, qtbot):
    keeper.start()
    first = keeper.process_id
    keeper.post(Configure(("crash", "b"), Settings()))
    qtbot.waitUntil(lambda: bool(keeper.deaths), timeout=5000)
    assert "told to crash" in keeper.deaths[0]
    assert keeper.running
    assert keeper.process_id != first


def test_dying_again_and_again_is_given_up(keeper, qtbot, monkeypatch):
    command = [sys.executable, "-c", "import sys; sys.exit('cannot start')"]
    monkeypatch.setattr(module, "engine_command", command)
    keeper.start()
    qtbot.waitUntil(lambda: bool(keeper.ends), timeout=10000)
    assert len(keeper.deaths) == 2
    assert "cannot start" in keeper.ends[0]
    assert not keeper.running


def test_it_can_be_started_after_giving_up(keeper, qtbot, monkeypatch):
    command = [sys.executable, "-c", "pass"]
    fake = module.engine_command
    monkeypatch.setattr(module, "engine_command", command)
    keeper.start()
    qtbot.waitUntil(lambda: bool(keeper.ends), timeout=10000)
    assert "said nothing" in keeper.ends[0]
    monkeypatch.setattr(module, "engine_command", fake)
    assert keeper.start()
    qtbot.waitUntil(lambda: bool(keeper.said), timeout=5000)


# -- another machine -------------------------------------------------------------------------


@pytest.fixture
def away(keeper, closed, qtbot):
    """A keeper whose engine is on another machine, and ready."""
    keeper.move(Host("lab"))
    assert keeper.start()
    qtbot.waitUntil(lambda: bool(keeper.said), timeout=10000)
    return keeper


def test_a_line_that_breaks_comes_back_by_itself(away, qtbot):
    first = away.process_id
    away._link.process.kill()
    qtbot.waitUntil(lambda: bool(away.partings), timeout=10000)
    assert away.partings == [("The connection to lab was lost.", True)]
    assert away.running
    assert away.process_id is None
    qtbot.waitUntil(lambda: bool(away.returns), timeout=10000)
    assert away.process_id not in (None, first)
    assert away.deaths == []


def test_pauses_become_longer_while_nobody_answers(away, closed, qtbot, monkeypatch):
    monkeypatch.setattr(module, "_FIRST_PAUSE", 0.02)
    closed.touch()
    away._link.process.kill()
    qtbot.waitUntil(lambda: len(away.partings) == 4, timeout=30000)
    assert "lost" in away.partings[0][0]
    assert all("refuses ssh" in sentence and again for sentence, again in away.partings[1:])
    assert away._again.interval() == 160
    assert not away.returns
    closed.unlink()
    qtbot.waitUntil(lambda: bool(away.returns), timeout=10000)


def test_connecting_by_hand_does_not_end_the_trying(away, closed, qtbot):
    closed.touch()
    away._link.process.kill()
    qtbot.waitUntil(lambda: bool(away.partings), timeout=10000)
    away.move(Host("lab"))  # as Connect does
    away.partings.clear()
    away.start()
    qtbot.waitUntil(lambda: bool(away.partings), timeout=10000)
    assert away.partings[0][1]
    assert away.running


def test_a_machine_that_never_answered_is_not_tried_again(keeper, closed, qtbot):
    closed.touch()
    keeper.move(Host("lab"))
    keeper.start()
    qtbot.waitUntil(lambda: bool(keeper.partings), timeout=10000)
    ((sentence, again),) = keeper.partings
    assert "lab refuses ssh" in sentence
    assert not again
    assert not keeper.running


def test_closing_ends_the_waiting_for_another_machine(away, closed, qtbot):
    closed.touch()
    away._link.process.kill()
    qtbot.waitUntil(lambda: bool(away.partings), timeout=10000)
    away.close()
    assert not away.running


def test_a_crash_there_is_a_death(away, qtbot):
    away.post(Configure(("crash", "b"), Settings()))
    qtbot.waitUntil(lambda: bool(away.deaths), timeout=10000)
    assert "told to crash" in away.deaths[0]
    assert away.partings == []


def test_where_there_is_no_ssh_it_is_said(keeper, monkeypatch):
    monkeypatch.setattr(host_module, "program", ("/no/such/ssh",))
    keeper.move(Host("lab"))
    assert not keeper.start()
    assert "install OpenSSH" in keeper.partings[0][0]
    assert not keeper.running
