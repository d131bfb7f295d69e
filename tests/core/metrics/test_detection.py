from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linear_sum_assignment

from napari_unet.core.metrics.detection import average_precision, f1, hits, jaccards, seg
from napari_unet.core.metrics.overlaps import contingency

#      object 1: 4 px, found 3 of them (IoU 3/4); object 2: 4 px, found with 2 px more (IoU 4/6);
#      object 3: 3 px, missed; found 4: 2 px, wrong
TRUTH = np.array([[1, 1, 1, 1, 0, 2, 2, 2, 2, 0, 0, 3, 3, 3, 0, 0, 0]])
FOUND = np.array([[0, 7, 7, 7, 0, 5, 5, 5, 5, 5, 5, 0, 0, 0, 0, 4, 4]])
TABLE = contingency(TRUTH, FOUND)


def test_a_case_worked_by_hand():
    assert hits(TABLE, 0.5) == (2, 1, 1)
    assert hits(TABLE, 0.7) == (1, 2, 2)
    assert hits(TABLE, 0.8) == (0, 3, 3)
    assert f1(TABLE, 0.5) == pytest.approx(4 / 6)
    assert average_precision(TABLE, 0.5) == pytest.approx(2 / 4)
    assert average_precision(TABLE, 0.7) == pytest.approx(1 / 5)
    assert jaccards(TABLE) == pytest.approx([3 / 4, 4 / 6, 0])
    assert seg(TABLE) == pytest.approx((3 / 4 + 4 / 6) / 3)


def test_the_same_is_perfect_whatever_the_ids():
    table = contingency(TRUTH, TRUTH * 3)
    assert f1(table, 0.9) == average_precision(table, 0.9) == seg(table) == 1


def test_seg_needs_more_than_half():
    table = contingency(np.array([[1, 1, 1, 1]]), np.array([[1, 1, 2, 2]]))
    assert seg(table) == 0
    # but halves are matches at IoU 0.5, only one of them
    assert hits(table, 0.5) == (1, 1, 0)


def test_one_found_object_over_two_true_ones_counts_once():
    table = contingency(np.array([[1, 2]]), np.array([[1, 1]]))
    assert hits(table, 0.5) == (1, 0, 1)


def test_nothing_there_has_no_score():
    nothing = np.zeros((3, 3), int)
    table = contingency(nothing, nothing)
    assert np.isnan([f1(table), average_precision(table), seg(table)]).all()
    only_found = contingency(nothing, nothing + 1)
    assert (f1(only_found), average_precision(only_found)) == (0, 0)
    assert np.isnan(seg(only_found))
    only_true = contingency(nothing + 1, nothing)
    assert (f1(only_true), seg(only_true)) == (0, 0)


labels = arrays(np.uint8, (6, 8), elements=st.integers(0, 4))


@given(labels, labels, st.sampled_from([0.1, 0.25, 0.5, 0.75]))
def test_matches_as_the_best_assignment(truth, found, threshold):
    trues, founds = (np.unique(a[a > 0]) for a in (truth, found))
    ious = np.array(
        [
            [((truth == t) & (found == f)).sum() / ((truth == t) | (found == f)).sum()
             for f in founds]
            for t in trues
        ]
    ).reshape(len(trues), len(founds))  # fmt: skip
    good = ious >= threshold
    rows, columns = linear_sum_assignment(-good.astype(float))
    matched = int(good[rows, columns].sum())
    expected = (matched, len(founds) - matched, len(trues) - matched)
    assert hits(contingency(truth, found), threshold) == expected


@given(labels, labels)
def test_seg_agrees_with_looking_at_each_object(truth, found):
    scores = []
    for t in np.unique(truth[truth > 0]):
        inside = truth == t
        score = 0.0
        for f in np.unique(found[inside]):
            shared = (inside & (found == f)).sum()
            if f and 2 * shared > inside.sum():
                score = shared / (inside | (found == f)).sum()
        scores.append(score)
    result = seg(contingency(truth, found))
    assert result == pytest.approx(np.mean(scores)) if scores else np.isnan(result)
