from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage as ndi

from napari_unet.core.objects_cuts import climb, components, distances
from napari_unet.core.objects_parts import NOWHERE

ALL = np.s_[0:5, 0:7]
HEIGHTS = np.array(
    [
        [0, 0, 0, 0, 0, 0, 0],
        [0, 3, 2, 1, 2, 4, 0],
        [0, 2, 1, 1, 2, 3, 0],
        [0, 0, 0, 0, 0, 0, 0],
        [0, 0, 5, 5, 5, 0, 0],
    ],
    float,
)


def test_each_pixel_goes_to_the_peak_it_climbs_to():
    cut = climb(HEIGHTS, HEIGHTS > 0, ALL)
    assert cut.labels.tolist() == [
        [0, 0, 0, 0, 0, 0, 0],
        [0, 1, 1, 2, 2, 2, 0],
        [0, 1, 1, 2, 2, 2, 0],
        [0, 0, 0, 0, 0, 0, 0],
        [0, 0, 3, 3, 3, 0, 0],
    ]
    assert cut.peaks.tolist() == [3, 4, 5]
    assert cut.anchors.tolist() == [7 + 1, 7 + 5, 28 + 4]  # a plateau ends at its last pixel
    assert cut.saddles.pairs.tolist() == [[1, 2]]
    assert cut.saddles.heights.tolist() == [1]


def test_what_is_left_of_a_plateau_is_no_lower_than_its_pass():
    heights = np.array([[3.0, 2.0], [2.0, 2.0]])
    cut = climb(heights, heights > 0, np.s_[0:2, 0:2])
    assert cut.labels.tolist() == [[1, 1], [1, 2]]
    assert (cut.peaks[1], cut.saddles.heights.tolist()) == (2, [2])


def test_the_ring_does_not_climb():
    cut = climb(HEIGHTS, HEIGHTS > 0, np.s_[0:5, 0:5])  # columns 5 and 6 are the next tile's
    assert cut.labels[1, 4] == cut.labels[1, 5] != cut.labels[2, 5]
    assert sorted(cut.anchors.tolist())[-2:] == [NOWHERE, NOWHERE]


def test_a_flat_plane_is_one_basin():
    cut = climb(np.ones((6, 6)), np.ones((6, 6), bool), np.s_[0:6, 0:6])
    assert (cut.labels == 1).all()


def test_components_know_their_first_pixel():
    mask = np.array([[0, 1, 0, 1], [1, 1, 0, 0]], bool)
    cut = components(lambda w: mask[w], 1)(np.s_[0:2, 0:4], np.s_[0:2, 0:4])
    assert cut.labels.tolist() == [[0, 1, 0, 2], [1, 1, 0, 0]]
    assert cut.anchors.tolist() == [1, 3]


@pytest.mark.parametrize("window", [np.s_[0:20, 0:20], np.s_[90:110, 100:150]])
def test_distances_of_a_window_are_those_of_the_plane(window):
    mask = ndi.gaussian_filter(np.random.default_rng(0).random((200, 250)), 12) > 0.498
    whole = ndi.distance_transform_edt(mask)
    assert whole[window].max() > 10
    assert np.array_equal(distances(lambda w: mask[w], window, mask.shape), whole[window])


def test_distances_look_as_far_as_they_must():
    mask = np.ones((300, 300), bool)
    mask[0, 0] = False
    window = np.s_[150:160, 150:160]
    found = distances(lambda w: mask[w], window, mask.shape)
    assert np.array_equal(found, ndi.distance_transform_edt(mask)[window])
