from __future__ import annotations

import threading

import pytest

from napari_unet.widgets.object_work import ObjectWork


@pytest.fixture
def work(qtbot):
    work = ObjectWork()
    yield work
    work.stop()


def test_the_result_comes_to_the_windows_thread(work, qtbot):
    where = []
    work.done.connect(lambda _: where.append(threading.current_thread()))
    with qtbot.waitSignal(work.done, timeout=10000) as heard:
        work.start(lambda progress: threading.current_thread().name)
    assert heard.args == ["objects"]
    assert where == [threading.main_thread()]
    assert not work.running


def test_progress_is_told(work, qtbot):
    told = []
    work.progressed.connect(lambda *now: told.append(now))

    def job(progress):
        progress(1, 2)
        progress(2, 2)

    with qtbot.waitSignal(work.done, timeout=10000):
        work.start(job)
    assert told == [(1, 2), (2, 2)]


def test_an_error_is_handed_over(work, qtbot):
    def job(_):
        raise RuntimeError("no memory")

    with qtbot.waitSignal(work.failed, timeout=10000) as heard:
        work.start(job)
    assert str(heard.args[0]) == "no memory"
    assert not work.running


def test_a_stopped_job_ends_and_says_nothing(work, qtbot):
    going, ended = threading.Event(), threading.Event()

    def job(progress):
        going.set()
        try:
            while True:
                progress(0, 1)
        finally:
            ended.set()

    work.done.connect(pytest.fail)
    work.failed.connect(pytest.fail)
    work.start(job)
    assert going.wait(3)
    work.stop()
    assert ended.wait(3)
    qtbot.wait(60)


def test_a_new_job_takes_the_place_of_the_old(work, qtbot):
    gate, results = threading.Event(), []
    work.done.connect(results.append)
    work.start(lambda _: gate.wait(3) and "old")
    work.start(lambda _: "new")
    gate.set()
    qtbot.waitUntil(lambda: bool(results), timeout=10000)
    qtbot.wait(60)
    assert results == ["new"]


def test_the_thread_ends_with_the_widget(qtbot):
    ended = threading.Event()

    def job(progress):
        try:
            while True:
                progress(0, 1)
        finally:
            ended.set()

    work = ObjectWork()
    work.start(job)
    work.deleteLater()
    qtbot.waitUntil(ended.is_set, timeout=10000)
