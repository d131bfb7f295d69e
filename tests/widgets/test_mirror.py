from __future__ import annotations

import pytest
from napari.utils import progress

from napari_unet.widgets import mirror
from napari_unet.widgets.mirror import ActivityMirror


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(mirror.time, "monotonic", lambda: now[0])
    return now


def bars():
    return [bar for bar in progress._all_instances if bar.desc.startswith("U-Net")]


def test_short_work_is_not_shown(clock):
    activity = ActivityMirror("U-Net: predicting")
    for done in range(1, 11):
        clock[0] += 0.05
        activity.show(done, 10)
    assert bars() == []


def test_long_work_is_shown_until_it_is_done(clock):
    activity = ActivityMirror("U-Net: predicting")
    for done in range(1, 6):
        clock[0] += 1
        activity.show(done, 10)
    (bar,) = bars()
    assert (bar.n, bar.total) == (5, 10)
    activity.show(10, 10)
    assert bars() == []


def test_closing_takes_the_bar_away(clock):
    activity = ActivityMirror("U-Net: predicting")
    activity.show(1, 10)
    clock[0] += 2
    activity.show(2, 10)
    activity.close()
    activity.close()
    assert bars() == []
