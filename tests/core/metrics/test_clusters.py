from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage import metrics as reference

from napari_unet.core.metrics.clusters import (
    adapted_rand_error,
    rand_error,
    v_info,
    v_rand,
    variation_of_information,
)
from napari_unet.core.metrics.overlaps import contingency

# two true objects of 4 px; the result joins 3 and 3 of them, splits the rest; 2 px do not count
TRUTH = np.array([[1, 1, 1, 1, 0, 0, 2, 2, 2, 2]])
FOUND = np.array([[1, 1, 1, 2, 0, 1, 1, 1, 1, 0]])
TABLE = contingency(TRUTH, FOUND)


def test_v_rand_worked_by_hand():
    # shares of 8 px: p = 3, 1, 3 and one alone; found 6, 1 and one alone; true 4, 4
    together, found, true = 9 + 1 + 9 + 1, 36 + 1 + 1, 16 + 16
    assert v_rand(TABLE) == pytest.approx(2 * together / (found + true))
    assert v_rand(TABLE, alpha=1) == pytest.approx(together / found)
    assert v_rand(TABLE, alpha=0) == pytest.approx(together / true)


def test_v_info_worked_by_hand():
    def entropy(*counts):
        return -sum(c / 8 * math.log2(c / 8) for c in counts)

    found, true, joint = entropy(6, 1, 1), entropy(4, 4), entropy(3, 1, 3, 1)
    assert v_info(TABLE) == pytest.approx(2 * (found + true - joint) / (found + true))


def test_rand_error_worked_by_hand():
    # pairs within found and true objects; the pixel without an object is in no pair
    together, found, true = 3 + 3, 15, 6 + 6
    assert rand_error(TABLE) == pytest.approx(1 - 2 * together / (found + true))


def test_adapted_rand_error_worked_by_hand():
    # as above, and pixels without an object are an object of their own: here a single one
    together, found, true = 3 + 3, 15 + 0, 6 + 6
    assert adapted_rand_error(TABLE) == pytest.approx(1 - 2 * together / (found + true))


def test_a_perfect_result():
    table = contingency(TRUTH, TRUTH * 5 + (TRUTH == 0) * 3)
    assert v_rand(table) == v_info(table) == 1
    assert rand_error(table) == adapted_rand_error(table) == 0
    assert variation_of_information(table) == (0, 0)


def test_one_object_in_both_is_perfect():
    one = contingency(np.ones((2, 2), int), np.ones((2, 2), int))
    assert v_rand(one) == v_info(one) == 1


def test_no_foreground_has_no_score():
    nothing = contingency(np.zeros((2, 2), int), np.ones((2, 2), int))
    scores = [v_rand(nothing), v_info(nothing), rand_error(nothing), adapted_rand_error(nothing)]
    assert np.isnan(scores).all()


def test_nothing_found_is_bad_but_a_number():
    table = contingency(np.array([[1, 1, 2, 2]]), np.zeros((1, 4), int))
    assert v_rand(table) == pytest.approx(2 * 4 / (4 + 8))  # four objects of one pixel
    assert 0 < v_info(table) < 1
    assert rand_error(table) == 1


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_scikit_image(seed):
    rng = np.random.default_rng(seed)
    truth, found = rng.integers(0, 6 + seed, (2, 40, 30))
    table = contingency(truth, found)
    error, _, _ = reference.adapted_rand_error(truth, found)
    assert adapted_rand_error(table) == pytest.approx(error)
    vi = reference.variation_of_information(truth, found)
    assert variation_of_information(table) == pytest.approx(tuple(vi))
    # without pixels that belong to no object, V_rand is scikit-image's F-score but for the
    # pairs of a pixel with itself
    all_found = contingency(truth, found + 1)
    large = contingency(np.repeat(truth, 99), np.repeat(found + 1, 99))
    error, _, _ = reference.adapted_rand_error(truth, found + 1)
    assert v_rand(large) == pytest.approx(v_rand(all_found))
    error, _, _ = reference.adapted_rand_error(np.repeat(truth, 99), np.repeat(found + 1, 99))
    assert v_rand(large) == pytest.approx(1 - error, rel=1e-3)


labels = arrays(np.uint8, (5, 6), elements=st.integers(0, 3))


@given(labels, labels)
def test_pairs_agree_with_looking_at_each_pair(truth, found):
    inside = truth.ravel() > 0
    t, f = truth.ravel()[inside].astype(int), found.ravel()[inside].astype(int)
    same_true = t[:, None] == t
    same_found = (f[:, None] == f) & (f > 0)
    other = ~np.eye(len(t), dtype=bool)
    whole = (same_true & other).sum() + (same_found & other).sum()
    result = rand_error(contingency(truth, found))
    if whole:
        both = (same_true & same_found & other).sum()
        assert result == pytest.approx(1 - 2 * both / whole)
    same_found |= np.eye(len(t), dtype=bool)  # a pixel alone is together with itself
    if len(t):
        both = (same_true & same_found).sum()
        expected = 2 * both / (same_true.sum() + same_found.sum())
        assert v_rand(contingency(truth, found)) == pytest.approx(expected)
