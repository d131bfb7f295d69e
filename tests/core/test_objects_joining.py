from __future__ import annotations

import numpy as np

from napari_unet.core.objects_joining import join
from napari_unet.core.objects_parts import Parts, Saddles


def parts(peaks, areas, *saddles):
    pairs = np.array([pair for pair, _ in saddles], np.int64).reshape(-1, 2)
    heights = np.array([height for _, height in saddles], float)
    empty = np.zeros((1, 1), np.int32)
    return Parts(
        empty, np.arange(len(peaks) + 1), np.array([0, *areas]), np.array([0.0, *peaks]),
        Saddles(pairs, heights),
    )  # fmt: skip


def test_a_neck_keeps_apart_and_a_dent_does_not():
    assert join(parts([10, 10], [300, 300], ((1, 2), 6)), 0.8, 0).tolist() == [0, 1, 2]
    assert join(parts([10, 10], [300, 300], ((1, 2), 9)), 0.8, 0).tolist() == [0, 1, 1]


def test_the_lower_peak_decides():
    assert join(parts([30, 5], [900, 90], ((1, 2), 4.5)), 0.8, 0).tolist() == [0, 1, 1]


def test_a_pixels_difference_is_no_neck():
    assert join(parts([2, 2], [12, 12], ((1, 2), 1)), 0.8, 0).tolist() == [0, 1, 1]


def test_a_small_part_joins_whatever_the_neck():
    assert join(parts([10, 10], [300, 20], ((1, 2), 1)), 0.8, 30).tolist() == [0, 1, 1]


def test_bumps_join_their_object_before_objects_are_compared():
    # 1 and 3 are tops of one object; 2 is another, lower one behind a neck
    found = join(parts([10, 8, 9], [99, 99, 99], ((1, 3), 8.9), ((2, 3), 5)), 0.8, 0)
    assert found.tolist() == [0, 1, 2, 1]


def test_parts_that_do_not_touch_stay_apart():
    assert join(parts([3, 3], [9, 9]), 0.0, 100).tolist() == [0, 1, 2]


def test_the_highest_pass_counts():
    pairs = np.array([[2, 1], [1, 2], [3, 1], [2, 2]])
    saddles = Saddles.of(pairs, np.array([4.0, 6.0, 5.0, 9.0]))
    assert saddles.pairs.tolist() == [[1, 2], [1, 3]]
    assert saddles.heights.tolist() == [6, 5]
