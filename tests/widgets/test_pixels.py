from __future__ import annotations

import threading

import dask.array as da
import numpy as np
import pytest
from napari.layers import Image

from napari_unet.core import image as image_module
from napari_unet.core.image import measure
from napari_unet.engine import messages as m
from napari_unet.widgets import pixels as module
from napari_unet.widgets.feed import Feed
from napari_unet.widgets.pixels import LayerPixels, PlanePixels, pixels_of
from napari_unet.widgets.planes import choose_channel_axis, full_shape
from napari_unet.widgets.regions import Region, region_of

RNG = np.random.default_rng(0)


class Source:
    """A lazy array that tells what is read of it, and by whom."""

    def __init__(self, array):
        self.array, self.shape, self.dtype, self.ndim = array, array.shape, array.dtype, array.ndim
        self.read, self.threads = 0, set()

    def __getitem__(self, key):
        found = self.array[key]
        self.read += found.size
        self.threads.add(threading.get_ident())
        return found


def test_channels_of_an_axis():
    array = RNG.integers(0, 99, (4, 2, 30, 40), np.uint8)  # z, c
    image = Image(array, axis_labels=("z", "c", "y", "x"))
    assert full_shape(image) == (4, 1, 30, 40)
    assert np.array_equal(pixels_of([image], Region((3, 0))).whole(), array[3])
    choose_channel_axis(image, 0)
    assert full_shape(image) == (1, 2, 30, 40)
    assert np.array_equal(pixels_of([image], Region((0, 1))).whole(), array[:, 1])
    choose_channel_axis(image, None)
    assert np.array_equal(pixels_of([image], Region((3, 1))).whole(), array[3, 1][None])


def test_parts_of_several_layers():
    one = RNG.integers(0, 99, (50, 60), np.uint8)
    two = RNG.integers(0, 99, (50, 60, 3), np.uint8)
    pixels = pixels_of([Image(one), Image(two, rgb=True)], Region(()))
    assert pixels.shape == (50, 60)
    part = pixels.read((10, 20, 30, 50))
    assert part.shape == (4, 20, 30)
    assert np.array_equal(part[0], one[10:30, 20:50])
    assert np.array_equal(part[1:], np.moveaxis(two[10:30, 20:50], -1, 0))


@pytest.mark.parametrize("levels", [1, 4])
def test_statistics_need_few_pixels(monkeypatch, levels):
    monkeypatch.setattr(module, "_COARSE", 1 << 12)
    monkeypatch.setattr(module, "_WHOLE", 1 << 14)
    monkeypatch.setattr(image_module, "_SIDE", 16)
    array = RNG.normal(100, 20, (800, 1000)).astype(np.float32)
    array[300:] += 50
    sources = [Source(array[:: 1 << k, :: 1 << k]) for k in range(levels)]
    few, found = lazy(*sources).measure()
    assert few.dtype == np.float32
    assert len(few) == 1
    assert sum(s.read for s in sources) < 25_000
    whole = measure(array[None])
    assert found.mean[0] == pytest.approx(whole.mean[0], abs=3)
    assert found.deviation[0] == pytest.approx(whole.deviation[0], rel=0.1)


@pytest.mark.parametrize("levels", [1, 3])
def test_statistics_of_a_volume_need_few_voxels(monkeypatch, levels):
    monkeypatch.setattr(module, "_COARSE", 1 << 14)
    monkeypatch.setattr(module, "_WHOLE", 1 << 16)
    monkeypatch.setattr(image_module, "_SIDE", 8)
    array = RNG.normal(100, 20, (60, 200, 240)).astype(np.float32)
    array[20:] += 50
    sources = [Source(array[:: 1 << k, :: 1 << k, :: 1 << k]) for k in range(levels)]
    part = LayerPixels(tuple(sources), (slice(None),), rgb=False, channel=None)
    pixels = PlanePixels((part,), deep=True)
    assert pixels.shape == (60, 200, 240)
    few, found = pixels.measure()
    assert (few.shape, few.dtype) == ((1, 1, 1, 1), np.float32)
    assert few == array[0, 0, 0]
    assert 1000 < sum(s.read for s in sources) < 50_000
    whole = measure(array[None])
    assert found.mean[0] == pytest.approx(whole.mean[0], abs=5)
    assert found.deviation[0] == pytest.approx(whole.deviation[0], rel=0.1)


@pytest.mark.parametrize("deep", [False, True])
def test_a_window_is_the_part_of_the_whole_that_it_says(deep):
    array = RNG.integers(0, 99, (6, 2, 30, 40), np.uint8)  # z, c
    image = Image(array, axis_labels=("z", "c", "y", "x"))
    other = Image(array[:, :1] + 1, axis_labels=("z", "c", "y", "x"))
    pixels = pixels_of([image, other], region_of(image, (4, 0), deep=deep))
    whole = pixels.whole()
    assert whole.shape == ((3, 6, 30, 40) if deep else (3, 30, 40))
    corners = (1, 5, 7, 3, 20, 33) if deep else (5, 7, 20, 33)
    found = pixels.read(corners)
    axes = len(corners) // 2
    window = (slice(None), *map(slice, corners[:axes], corners[axes:]))
    assert np.array_equal(found, whole[window])
    plane = pixels_of([Image(array[0, 0])], region_of(Image(array[0, 0]), (), deep=True))
    assert plane.shape == (1, 30, 40)
    assert np.array_equal(plane.read((0, 5, 7, 1, 20, 33)), array[None, :1, 0, 5:20, 7:33])


def lazy(*levels):
    """A plane of such levels."""
    return PlanePixels((LayerPixels(levels, (), rgb=False, channel=None),))


@pytest.fixture
def feed(qtbot):
    """A feed, and what it says."""
    feed = Feed()
    feed.said, feed.complaints = [], []
    feed.say.connect(feed.said.append)
    feed.failed.connect(lambda name, sentence: feed.complaints.append((name, sentence)))
    return feed


def test_what_is_in_memory_is_sent_at_once(feed):
    feed.give("a", pixels_of([Image(np.eye(8), name="eye")], Region(())))
    (command,) = feed.said
    assert isinstance(command, m.Open)
    assert command.title == "eye"


def test_what_is_lazy_is_read_on_another_thread(feed, qtbot):
    source = Source(np.eye(8))
    feed.give("a", lazy(source))
    assert not feed.said
    qtbot.waitUntil(lambda: bool(feed.said), timeout=5000)
    assert np.array_equal(feed.said[0].image[0], np.eye(8))
    assert threading.get_ident() not in source.threads


def test_a_large_plane_is_offered_and_read_part_by_part(feed, qtbot, monkeypatch):
    monkeypatch.setattr(image_module, "LARGE", 1 << 10)
    array = RNG.integers(0, 999, (300, 200), np.uint16)
    feed.give(
        "a", pixels_of([Image(da.from_array(array, chunks=64), multiscale=False)], Region(()))
    )
    qtbot.waitUntil(lambda: bool(feed.said), timeout=5000)
    offer = feed.said.pop()
    assert isinstance(offer, m.Offer)
    assert (offer.shape, offer.dtype) == ((1, 300, 200), "<u2")
    assert feed.answer(m.Wanted("a", (10, 20, 40, 60)))
    qtbot.waitUntil(lambda: bool(feed.said), timeout=5000)
    assert np.array_equal(feed.said[0].image[0], array[10:40, 20:60])
    assert not feed.answer(m.Wanted("b", (0, 0, 1, 1)))


def test_a_large_volume_is_offered_and_read_part_by_part(feed, qtbot, monkeypatch):
    monkeypatch.setattr(image_module, "LARGE", 1 << 14)
    array = RNG.integers(0, 999, (9, 100, 80), np.uint16)  # no slice of it is large
    layer = Image(da.from_array(array, chunks=(2, 64, 64)), scale=(3, 1, 1), multiscale=False)
    feed.give("a", pixels_of([layer], region_of(layer, (4,), deep=True)))
    qtbot.waitUntil(lambda: bool(feed.said), timeout=5000)
    offer = feed.said.pop()
    assert isinstance(offer, m.Offer)
    assert (offer.shape, offer.dtype, offer.anisotropy) == ((1, 9, 100, 80), "<u2", 3)
    assert feed.answer(m.Wanted("a", (2, 10, 20, 7, 40, 60)))
    qtbot.waitUntil(lambda: bool(feed.said), timeout=5000)
    assert np.array_equal(feed.said[0].image[0], array[2:7, 10:40, 20:60])


def test_the_engine_never_waits_for_a_plane_that_was_closed(feed, qtbot):
    going = threading.Event()

    class Slow(Source):
        def __getitem__(self, key):
            going.wait(5)
            return super().__getitem__(key)

    feed.give("a", lazy(Slow(np.eye(8))))
    going.set()
    qtbot.waitUntil(lambda: bool(feed.said), timeout=5000)
    going.clear()
    feed.said.clear()
    feed.answer(m.Wanted("a", (0, 0, 4, 4)))
    feed.drop("a")
    assert [(c.image, c.problem) for c in feed.said] == [(None, "")]
    going.set()
    qtbot.wait(100)
    assert len(feed.said) == 1  # not answered twice


def test_what_cannot_be_read_is_said(feed, qtbot):
    class Broken(Source):
        def __getitem__(self, key):
            raise OSError("disk on fire")

    pixels = pixels_of([Image(np.eye(8))], Region(()))
    broken = type(pixels)(
        (type(pixels.parts[0])((Broken(np.eye(8)),), (), rgb=False, channel=None),)
    )
    feed.give("a", broken)
    qtbot.waitUntil(lambda: bool(feed.complaints), timeout=5000)
    assert "disk on fire" in feed.complaints[0][1]
    feed.answer(m.Wanted("a", (0, 0, 4, 4)))
    qtbot.waitUntil(lambda: bool(feed.said), timeout=5000)
    assert feed.said[0].image is None
    assert "disk on fire" in feed.said[0].problem
