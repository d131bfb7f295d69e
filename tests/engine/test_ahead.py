from __future__ import annotations

import threading

import numpy as np
import pytest

from napari_unet.core.image import ImageError, Normalisation, Picture
from napari_unet.engine.batch.ahead import reading_ahead

PLANE = np.random.default_rng(0).normal(size=(1, 40, 50)).astype(np.float32)
WINDOWS = [(slice(y, y + 20), slice(x - 3, x + 25)) for y in (0, 20) for x in (0, 25)]


class Lazy:
    """A plane that tells what is read of it, and where."""

    def __init__(self, broken=()):
        self.shape, self.read, self.threads = PLANE.shape, [], set()
        self.broken, self.told = broken, threading.Condition()

    def __getitem__(self, box):
        with self.told:
            self.read.append(box[1].start)
            self.threads.add(threading.current_thread())
            self.told.notify_all()
        if len(self.read) in self.broken:
            raise ImageError("not this one")
        return PLANE[box]

    def wait(self, count):
        with self.told:
            return self.told.wait_for(lambda: len(self.read) == count, 20)


def picture(raw):
    return Picture(raw, Normalisation((0.5,), (2.0,)))


def test_pixels_are_those_of_the_picture_whatever_is_asked_for():
    plain, windows = picture(PLANE), [WINDOWS[0], (slice(2, 9), slice(2, 9)), *WINDOWS[1:]]
    for order in (WINDOWS, windows, windows[::-1], WINDOWS[:1] * 3):
        with reading_ahead(picture(Lazy()), WINDOWS) as ahead:
            assert ahead.shape == plain.shape
            for window in order:
                assert np.array_equal(ahead.read(window), plain.read(window))


def test_one_window_and_no_more_is_read_ahead_by_one_thread():
    raw = Lazy()
    with reading_ahead(picture(raw), WINDOWS) as ahead:
        for count, window in enumerate(WINDOWS, 1):
            ahead.read(window)
            assert raw.wait(min(count + 1, len(WINDOWS)))
    assert len(raw.read) == len(WINDOWS)
    assert len(raw.threads) == 1
    assert threading.current_thread() not in raw.threads


def test_an_error_comes_where_its_window_is_asked_for():
    raw = Lazy(broken=(3,))
    with reading_ahead(picture(raw), WINDOWS) as ahead:
        for window in WINDOWS[:2]:
            ahead.read(window)
        assert raw.wait(3)
        with pytest.raises(ImageError, match="not this one"):
            ahead.read(WINDOWS[2])


def test_the_thread_ends_with_it():
    before, raw = threading.active_count(), Lazy()
    with reading_ahead(picture(raw), WINDOWS) as ahead:
        ahead.read(WINDOWS[0])
        assert threading.active_count() == before + 1
    assert threading.active_count() == before
