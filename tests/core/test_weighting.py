from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.measure import label

from napari_unet.core.objects_paint import classes_of
from napari_unet.core.settings import Training
from napari_unet.core.weighting import (
    BORDERS,
    Borders,
    border_weights,
    border_weights_of,
    class_weights,
    pixel_weights,
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


# -- weights of painted objects --------------------------------------------------------------

# background around two objects that touch, two that do not, and an unlabelled corner
OBJECTS = np.ones((40, 60), np.uint16)
OBJECTS[10:20, 10:20], OBJECTS[10:20, 20:30] = 2, 7
OBJECTS[28:36, 10:20], OBJECTS[28:36, 24:34] = 300, 4
OBJECTS[:5, :5] = 0


def weights_of(objects, borders):
    classes = classes_of(objects)
    return classes, pixel_weights(classes, borders)


def test_the_2015_weights_are_equation_2():
    classes, weights = weights_of(OBJECTS, BORDERS["2015"])
    counts = np.bincount(classes.ravel())
    balance = counts[1:].sum() / 2 / counts[1:]
    assert weights[12, 12] == pytest.approx(balance[1], rel=1e-5)
    assert weights[15, 19] == pytest.approx(balance[0] + 10 * math.exp(-(2**2) / 50), rel=1e-5)
    between = 10 * math.exp(-((2 + 3) ** 2) / 50)  # two px from one, three from the other
    assert weights[32, 21] == pytest.approx(balance[0] + between, rel=1e-5)
    assert (weights[:5, :5] == 0).all()
    extra = np.where(classes == 1, weights - balance[0], 0)
    assert np.allclose(extra, border_weights(classes, 10, 5), atol=1e-4)


def test_the_2019_weights():
    _, weights = weights_of(OBJECTS, BORDERS["2019"])
    assert weights[12, 12] == 1
    near = 0.1 + 0.9 * math.exp(-(1**2) / 200)
    assert weights[15, 19] == pytest.approx(near + 50 * math.exp(-(2**2) / 72), rel=1e-5)
    assert weights[5, 59] == pytest.approx(0.1, abs=0.02)
    assert (weights[:5, :5] == 0).all()


def test_objects_that_touch_are_told_apart_by_their_ids():
    """Their class alone would make them one object, with no border between."""
    one = weights_of(np.where(OBJECTS == 7, 2, OBJECTS), Borders(10, 5))[1]
    two = weights_of(OBJECTS, Borders(10, 5))[1]
    assert two[15, 19] > one[15, 19] + 5


def test_nothing_but_background():
    classes, weights = weights_of(np.ones((8, 8), int), BORDERS["2019"])
    assert (classes == 1).all()
    assert np.allclose(weights, 0.1)


def test_settings_choose_the_borders():
    assert Borders.of(Training()) == BORDERS["2015"]
    assert Borders.of(Training(borders="2019", border_weight=3.0)) == BORDERS["2019"]
    own = Training(border_weight=3.0, border_sigma=2.0, far_background=0.5)
    assert Borders.of(own) == Borders(3.0, 2.0, far=0.5)


def test_classes_are_balanced_by_the_counts_that_are_given():
    classes = np.array([[1, 1, 1, 2]], np.uint8)
    counts = np.bincount([1, 2, 2, 2], minlength=256)
    weights = pixel_weights(classes, Borders(0, 5), counts)
    assert weights[0, 0] == pytest.approx(2)
    assert weights[0, 3] == pytest.approx(2 / 3)
