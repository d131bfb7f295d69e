from __future__ import annotations

import sys

import pytest

from napari_unet.core.settings import Settings
from napari_unet.engine.messages import Configure, Ready
from napari_unet.widgets import keeper as module
from napari_unet.widgets.keeper import Keeper


@pytest.fixture
def keeper(fake_engine, qtbot):
    keeper = Keeper()
    keeper.said, keeper.deaths, keeper.ends = [], [], []
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
