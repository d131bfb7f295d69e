from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_unet.core.image import Normalisation, Picture
from napari_unet.engine import messages as m
from napari_unet.engine import supply as module
from napari_unet.engine.supply import PixelsError, Supply

PLANE = np.random.default_rng(0).integers(0, 999, (2, 700, 900), np.uint16)
VOLUME = np.random.default_rng(1).integers(0, 999, (2, 21, 300, 600), np.uint16)


class Parent:
    """Answers at once, as the window does in its own time."""

    def __init__(self, image=PLANE):
        self.image, self.asked = image, []
        self.supply = Supply(self.answer)
        shape, dtype = image.shape, image.dtype.str
        self.offer = m.Offer("a", shape, dtype, Normalisation((500.0,) * 2, (290.0,) * 2))
        self.plane = self.supply.plane(self.offer)

    def answer(self, wanted):
        self.asked.append(wanted.box)
        axes = len(wanted.box) // 2
        window = map(slice, wanted.box[:axes], wanted.box[axes:])
        self.supply.deliver(m.Pixels(wanted.plane, wanted.box, self.image[(slice(None), *window)]))


@settings(deadline=None, max_examples=40)
@given(st.sampled_from([PLANE, VOLUME]), st.data())
def test_it_reads_like_the_array(image, data):
    parent = Parent(image)
    for _ in range(3):
        low = [data.draw(st.integers(0, n - 1)) for n in image.shape[1:]]
        high = [data.draw(st.integers(a + 1, n)) for a, n in zip(low, image.shape[1:], strict=True)]
        window = (slice(None), *map(slice, low, high))
        found = parent.plane[window]
        assert found.dtype == np.uint16
        assert np.array_equal(found, image[window])


def test_what_came_is_not_asked_for_again():
    parent = Parent()
    parent.plane[:, 10:200, 10:200]
    parent.plane[:, 0:256, 100:300]
    parent.plane[:, 0:256, 0:512]
    assert parent.asked == [(0, 0, 256, 256), (0, 256, 256, 512)]


def test_of_a_volume_thin_blocks_are_asked_for():
    parent = Parent(VOLUME)
    parent.plane[:, 6:10, 5:9, 250:260]
    parent.plane[:, 0:16, 0:256, 0:512]
    parent.plane[:, 20:21, 299:300, 0:1]
    assert parent.asked == [(0, 0, 0, 16, 256, 512), (16, 256, 0, 21, 300, 256)]


def test_a_new_offer_forgets_the_old_pixels():
    parent = Parent()
    assert np.array_equal(parent.plane[:, 0:10, 0:10], PLANE[:, :10, :10])
    parent.image = PLANE + 1
    plane = parent.supply.plane(parent.offer)
    assert np.array_equal(plane[:, 0:10, 0:10], parent.image[:, :10, :10])


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(module, "_KEPT", 3 * 256 * 256 * 4)
    parent = Parent()
    for x in range(0, 768, 256):
        parent.plane[:, 0:256, x : x + 256]
    assert parent.supply._bytes <= module._KEPT
    whole = parent.plane[:, 0:700, 0:900]  # more than may be kept, at once
    assert np.array_equal(whole, PLANE)
    assert parent.supply._bytes <= module._KEPT
    assert parent.supply._bytes == sum(b.nbytes for b in parent.supply._blocks.values())
    monkeypatch.setattr(module, "_KEPT", VOLUME.nbytes // 2)
    parent = Parent(VOLUME)
    for z in range(21):
        parent.plane[:, z : z + 1, 0:300, 0:600]
        assert parent.supply._bytes <= module._KEPT
    assert len(parent.asked) == 3  # each layer of blocks once


def test_a_picture_of_it_mirrors_at_its_edges():
    parent = Parent()
    lazy = Picture(parent.plane, parent.offer.normalisation)
    whole = Picture(PLANE, parent.offer.normalisation)
    window = (slice(-40, 80), slice(850, 960))
    assert lazy.shape == (700, 900)
    assert np.array_equal(lazy.read(window), whole.read(window))
    parent = Parent(VOLUME)
    lazy = Picture(parent.plane, parent.offer.normalisation)
    whole = Picture(VOLUME, parent.offer.normalisation)
    window = (slice(-3, 2), slice(-40, 80), slice(550, 620))
    assert lazy.shape == (21, 300, 600)
    assert np.array_equal(lazy.read(window), whole.read(window))


@pytest.mark.parametrize("problem", ["", "The file cannot be read."])
def test_what_does_not_come_is_an_error(problem):
    supply = Supply(lambda w: supply.deliver(m.Pixels(w.plane, w.box, None, problem)))
    plane = supply.plane(Parent().offer)
    with pytest.raises(PixelsError) as caught:
        plane[:, 0:5, 0:5]
    assert str(caught.value) == problem


def test_it_waits_and_the_end_wakes_it():
    asked, outcome = threading.Event(), []
    supply = Supply(lambda _: asked.set())
    plane = supply.plane(Parent().offer)

    def read():
        try:
            plane[:, 0:5, 0:5]
        except PixelsError:
            outcome.append("woken")

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    assert asked.wait(5)
    supply.deliver(m.Pixels("another", (0, 0, 1, 1), None))  # late, and not what is waited for
    thread.join(0.1)
    assert thread.is_alive()
    supply.close()
    thread.join(5)
    assert outcome == ["woken"]
