from __future__ import annotations

import threading
import time

import pytest
from qtpy.QtTest import QTest

from napari_unet.widgets import autosave
from napari_unet.widgets.autosave import Autosave


@pytest.fixture
def disk(qtbot, monkeypatch):
    monkeypatch.setattr(autosave, "_AGAIN", 100)
    disk = Autosave()
    yield disk
    disk.close()


class Full:
    """A disk that is full until somebody makes room."""

    def __init__(self):
        self.full, self.written = True, []

    def write(self, what):
        if self.full:
            raise OSError(28, "No space left on device")
        self.written.append(what)


def test_tasks_are_done_in_order_and_told(disk, qtbot):
    done = []
    with qtbot.waitSignal(disk.saved, timeout=2000):
        for number in range(20):
            disk.add(lambda number=number: done.append(number))
    disk.flush(2)
    assert done == list(range(20))


def test_what_is_large_is_written_once_in_its_latest_form(disk):
    done, go = [], threading.Event()
    disk.put("other", lambda: go.wait(5))
    for number in range(5):
        disk.put("model", lambda number=number: done.append(number))
    go.set()
    assert disk.flush(2)
    assert done == [4]


def test_no_stroke_waits_for_a_model(disk):
    done, go = [], threading.Event()
    disk.put("model", lambda: go.wait(5))
    disk.add(lambda: done.append("stroke"))
    QTest.qWait(200)
    assert done == ["stroke"]
    go.set()
    disk.flush(2)


def test_a_full_disk_is_told_and_nothing_is_forgotten(disk, qtbot):
    full = Full()
    with qtbot.waitSignal(disk.failed, timeout=2000) as said:
        for number in range(3):
            disk.add(lambda number=number: full.write(number))
    assert said.args == ["No space left on device"]
    assert disk.pending
    with qtbot.waitSignal(disk.saved, timeout=3000):
        full.full = False
    assert full.written == [0, 1, 2]


def test_an_error_nobody_foresaw_is_told_too(disk, qtbot):
    with qtbot.waitSignal(disk.failed, timeout=2000) as said:
        disk.put("model", lambda: 1 / 0)
    assert "zero" in said.args[0]


def test_the_window_does_not_wait(disk):
    start = time.monotonic()
    for _ in range(5):
        disk.add(lambda: time.sleep(0.1))
    assert time.monotonic() - start < 0.1
    assert not disk.flush(0.01)
    assert disk.flush(5)


def test_something_is_done_alone_and_its_errors_come_here(disk):
    with pytest.raises(OSError, match="No space"):
        disk.now(lambda: Full().write(1))
    done = []
    disk.now(lambda: done.append(threading.current_thread().name))
    assert "autosave" in done[0]


def test_no_thread_stays_when_nothing_is_to_be_done(disk, qtbot):
    disk._idle.setInterval(300)
    done = []
    disk.add(lambda: done.append(1))
    assert disk.flush(2)
    quick, slow = disk._pools
    threads = [*quick._threads, *slow._threads]
    assert all(thread.is_alive() for thread in threads)
    qtbot.waitUntil(lambda: not any(t.is_alive() for t in threads), timeout=5000)
    disk.add(lambda: done.append(2))
    assert disk.flush(2)
    assert done == [1, 2]


def test_what_the_disk_refused_is_tried_again_after_a_rest(disk, qtbot):
    disk._idle.setInterval(10)
    full = Full()
    disk.add(lambda: full.write(1))
    QTest.qWait(60)
    full.full = False
    qtbot.waitUntil(lambda: full.written == [1], timeout=3000)
