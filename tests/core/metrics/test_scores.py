from __future__ import annotations

import numpy as np
import pytest

from napari_unet.core.metrics import average_precision, contingency, f1, seg, v_rand
from napari_unet.core.metrics.scores import ObjectScores, score_objects

TRUTH = np.zeros((12, 20), int)
TRUTH[1:6, 1:6], TRUTH[1:6, 7:12], TRUTH[7:11, 3:9] = 1, 2, 3
FOUND = TRUTH.copy()
FOUND[1:6, 5:7] = 1
FOUND[7:11, 6:9] = 9


def test_rows_are_the_single_scores():
    rows = dict(score_objects(TRUTH, FOUND).rows())
    table = contingency(TRUTH, FOUND)
    assert rows["F1 at IoU 0.5"] == pytest.approx(f1(table, 0.5))
    assert rows["F1 at IoU 0.8"] == pytest.approx(f1(table, 0.8))
    assert rows["AP at IoU 0.9"] == pytest.approx(average_precision(table, 0.9))
    assert rows["SEG"] == pytest.approx(seg(table))
    assert rows["V_rand"] == pytest.approx(v_rand(table))
    assert rows["splits and mergers per px"] == pytest.approx(1 / 240)  # 3 is split


def test_pixels_of_objects_are_compared_whichever_object_they_are_of():
    rows = dict(score_objects(TRUTH, FOUND * 3).rows())
    true, found = TRUTH > 0, FOUND > 0
    both = (true & found).sum()
    assert 0.8 < rows["IoU of pixels"] < 1
    assert rows["IoU of pixels"] == both / (true | found).sum()
    assert rows["Dice of pixels"] == 2 * both / (true.sum() + found.sum())


def test_a_perfect_result():
    scores = score_objects(TRUTH, TRUTH)
    for name, value in scores.rows():
        assert value == (0 if "error" in name or "per px" in name else 1), name


def test_touching_objects_are_not_one():
    touching = np.repeat([[1, 2]], 4, axis=1).repeat(6, axis=0)
    assert dict(score_objects(touching, touching).rows())["warping error"] == 0
    joined = dict(score_objects(touching, (touching > 0).astype(int)).rows())
    assert joined["splits and mergers per px"] > 0


def test_objects_are_pooled_and_the_rest_averaged():
    one, two = score_objects(TRUTH, FOUND), score_objects(TRUTH, TRUTH)
    both = ObjectScores.together([one, two])
    assert (both.true, both.found) == (6, one.found + 3)
    assert both.hits[0] == tuple(np.add(one.hits[0], two.hits[0]))
    assert dict(both.rows())["SEG"] == pytest.approx((sum(one.jaccards) + 3) / 6)
    assert both.means["V_rand"] == pytest.approx((one.means["V_rand"] + 1) / 2)


def test_an_image_without_a_score_does_not_count_in_the_mean():
    empty = score_objects(np.zeros((5, 5), int), np.zeros((5, 5), int))
    assert np.isnan(empty.means["V_rand"])
    assert ObjectScores.together([empty, score_objects(TRUTH, TRUTH)]).means["V_rand"] == 1
    assert np.isnan(ObjectScores.together([empty]).means["V_rand"])
