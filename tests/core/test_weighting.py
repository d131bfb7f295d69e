from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.measure import label

from napari_unet.core.weighting import (
    border_weights,
    border_weights_of,
    class_weights,
    two_distances,
)

IDS = [0, 0, 0, 0, 2, 5, 9]  # with gaps
MAPS = arrays(
    np.int32, st.tuples(st.integers(1, 14), st.integers(1, 14)), elements=st.sampled_from(IDS)
)


def all_pairs(objects):
    """Distances to the nearest and second nearest object, by brute force; infinite: no such."""
    at = np.stack(np.indices(objects.shape), -1).reshape(-1, 2)
    found = [np.full(len(at), np.inf)] * 2
    for number in np.unique(objects[objects > 0]):
        points = np.argwhere(objects == number)
        found.append(np.sqrt(((at[:, None] - points) ** 2).sum(-1)).min(1))
    first, second = np.sort(found, axis=0)[:2]
    return first.reshape(objects.shape), second.reshape(objects.shape)


def equation_2(objects, where, w0, sigma):
    gap = np.add(*all_pairs(objects))
    return np.where(where, w0 * np.exp(-(gap**2) / (2 * sigma**2)), 0)


# -- the border weight -----------------------------------------------------------------------


@given(MAPS)
@settings(max_examples=60, deadline=None)
def test_distances_are_those_of_all_pairs(objects):
    for found, wanted in zip(two_distances(objects, 1000), all_pairs(objects), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-6)


@given(MAPS, st.integers(0, 40).map(lambda n: (n + 0.5) ** 0.5))
@settings(max_examples=60, deadline=None)
def test_beyond_its_reach_an_object_is_infinitely_far(objects, reach):
    """Each of the two distances is exact up to the reach, however large the other is."""
    for found, wanted in zip(two_distances(objects, reach), all_pairs(objects), strict=True):
        np.testing.assert_allclose(found, np.where(wanted > reach, np.inf, wanted), rtol=1e-6)


@given(MAPS, st.floats(0.1, 50), st.floats(0.5, 8))
@settings(max_examples=80, deadline=None)
def test_border_weights_are_equation_2(objects, w0, sigma):
    where = objects == 0
    found = border_weights_of(objects, where, w0, sigma)
    wanted = equation_2(objects, where, w0, sigma)
    # an object farther than 4σ is left out: the others are exact, and it would count for nothing
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=w0 * np.exp(-8))
    near = all_pairs(objects)[1] <= 4 * sigma * 0.999
    np.testing.assert_allclose(found[near], wanted[near], rtol=1e-4)
    assert found.dtype == np.float32


def gap_of(width, w0=10.0, sigma=5.0):
    """The weight in the middle of a gap of odd `width` between two painted objects."""
    classes = np.ones((9, width + 20), np.uint8)
    classes[:, :10] = classes[:, -10:] = 2
    return border_weights(classes, w0, sigma)[4, 10 + width // 2]


def test_the_narrowest_gap_weighs_w0_with_the_paper_s_constants():
    assert gap_of(1) == pytest.approx(10 * np.exp(-(2**2) / 50), rel=1e-6)
    assert gap_of(5) == pytest.approx(10 * np.exp(-(6**2) / 50), rel=1e-6)


def test_w0_scales_and_sigma_widens():
    assert gap_of(5, w0=30) == pytest.approx(3 * gap_of(5), rel=1e-6)
    assert gap_of(9, sigma=10) > gap_of(9, sigma=5) > gap_of(9, sigma=2)
    assert gap_of(5, w0=0) == 0


def test_one_object_has_no_border_to_another():
    classes = np.ones((20, 20), np.uint8)
    classes[8:12, 8:12] = 2
    assert not border_weights(classes, 10, 5).any()


def test_touching_classes_other_than_background_are_one_object():
    """Objects are what background separates."""
    classes = np.ones((9, 30), np.uint8)
    classes[:, 5:10], classes[:, 10:15] = 2, 3
    assert not border_weights(classes, 10, 5).any()
    classes[:, 20:25] = 3
    assert border_weights(classes, 10, 5)[4, 17] > 0


@given(arrays(np.uint8, (12, 13), elements=st.sampled_from([0, 0, 0, 1, 1, 2, 3])))
@settings(max_examples=40, deadline=None)
def test_only_painted_background_gets_border_weight(classes):
    found = border_weights(classes, 10, 5)
    assert not found[classes != 1].any()
    objects = label(classes > 1, connectivity=1)
    np.testing.assert_allclose(
        found, equation_2(objects, classes == 1, 10, 5), rtol=1e-4, atol=10 * np.exp(-8)
    )


def test_nothing_painted_gives_nothing():
    assert not border_weights(np.zeros((5, 7), np.uint8), 10, 5).any()


# -- class balance ---------------------------------------------------------------------------


@given(st.dictionaries(st.integers(1, 255), st.integers(1, 10**7), min_size=1))
def test_every_painted_class_has_the_same_sum_and_the_mean_is_one(painted):
    counts = np.zeros(256, np.int64)
    counts[list(painted)] = list(painted.values())
    weights = class_weights(counts)
    sums = (weights * counts)[list(painted)]
    np.testing.assert_allclose(sums, counts.sum() / len(painted), rtol=1e-5)
    assert (weights[counts == 0] == 0).all()
    assert weights.dtype == np.float32


def test_no_paint_has_no_weight():
    assert not class_weights(np.zeros(256, np.int64)).any()
