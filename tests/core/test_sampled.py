from __future__ import annotations

import numpy as np
import pytest

from napari_unet.core.image import ImageError, measure
from napari_unet.core.sampled import measure_sample


class Spy:
    """A plane that counts what is read of it."""

    def __init__(self, array):
        self.array, self.shape, self.read = array, array.shape, 0

    def __getitem__(self, window):
        part = self.array[window]
        self.read += part[0].size
        return part


def test_a_sample_is_like_the_whole_and_reads_little_of_it():
    plane = np.random.default_rng(0).normal(100, 15, (2, 3000, 4000)).astype(np.float32)
    spy = Spy(plane)
    found, whole = measure_sample(spy), measure(plane)
    np.testing.assert_allclose(found.mean, whole.mean, rtol=0.01)
    np.testing.assert_allclose(found.deviation, whole.deviation, rtol=0.01)
    assert spy.read == 8 * 8 * 128 * 128


@pytest.mark.parametrize("corner", [(200, 300), (1000, 3100), (2500, 900)])
def test_a_slide_with_little_on_it_is_not_taken_for_empty(corner):
    plane = np.full((1, 3800, 3800), 7, np.uint8)
    y, x = corner
    plane[0, y : y + 90, x : x + 90] = 200  # as large as a cell of the finest round
    assert measure_sample(plane).deviation[0] > 0


def test_a_channel_with_little_in_it_beside_a_full_one_is_found():
    plane = np.random.default_rng(0).normal(100, 15, (2, 3800, 3800)).astype(np.float32)
    plane[1] = 0
    plane[1, 200:290, 300:390] = 4000
    assert measure_sample(plane).mean[1] > 0


def test_an_empty_slide_is_refused_after_a_bounded_look_at_it():
    spy = Spy(np.full((1, 6000, 6000), 7, np.uint8))
    with pytest.raises(ImageError, match="same value"):
        measure_sample(spy)
    assert spy.read < 1 << 24
