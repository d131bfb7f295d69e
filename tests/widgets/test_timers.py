from __future__ import annotations

from qtpy.QtCore import QObject

from napari_unet.widgets.timers import is_waiting, single_shot, start_once, stop


def test_it_fires_once_however_often_it_is_started(qtbot):
    calls = []
    owner = QObject()
    timer = single_shot(owner, lambda: calls.append(1), 20)
    for _ in range(3):
        timer.start()
    qtbot.waitUntil(lambda: calls == [1])
    qtbot.wait(60)
    assert calls == [1]


def test_a_pause_of_its_own_for_one_start(qtbot):
    calls = []
    owner = QObject()
    timer = single_shot(owner, lambda: calls.append(1))
    timer.start(60_000)
    qtbot.wait(20)
    assert not calls
    timer.start(0)
    qtbot.waitUntil(lambda: calls == [1])


def test_a_timer_that_qt_deleted_waits_for_nothing(qtbot):
    owner = QObject()
    timer = single_shot(owner, print, 60_000)
    timer.start()
    assert is_waiting(timer)
    owner.deleteLater()
    qtbot.waitUntil(lambda: not is_waiting(timer))
    stop(timer)
    start_once(timer)


def test_a_timer_that_runs_is_not_put_off(qtbot):
    calls = []
    owner = QObject()
    timer = single_shot(owner, lambda: calls.append(1), 60)
    for _ in range(4):
        start_once(timer)
        qtbot.wait(20)
    qtbot.waitUntil(lambda: calls == [1])
