from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_unet.core.metrics.classes import confusion, dice, iou, mean

TRUTH = np.array([[1, 1, 1, 2], [1, 0, 2, 2]])
PREDICTION = np.array([[1, 1, 2, 2], [2, 1, 2, 1]])


def test_a_case_worked_by_hand():
    table = confusion(TRUTH, PREDICTION, 2)
    # truth 1: two right, two taken for 2; truth 2: two right, one taken for 1; one unlabelled
    assert table.tolist() == [[0, 0, 0], [0, 2, 2], [0, 1, 2]]
    assert iou(table) == pytest.approx([2 / 5, 2 / 5])
    assert dice(table) == pytest.approx([4 / 7, 4 / 7])
    assert mean(iou(table)) == pytest.approx(2 / 5)


def test_a_perfect_prediction_scores_one():
    table = confusion(TRUTH, TRUTH, 2)
    assert iou(table).tolist() == [1, 1]
    assert dice(table).tolist() == [1, 1]


def test_unlabelled_pixels_do_not_count():
    anything = np.where(TRUTH == 0, 2, TRUTH)
    assert (confusion(TRUTH, anything, 2) == confusion(TRUTH, TRUTH, 2)).all()


def test_where_nothing_is_predicted_the_class_is_missed():
    table = confusion(np.array([[1, 1, 2, 2]]), np.array([[1, 0, 2, 2]]), 2)
    assert iou(table) == pytest.approx([1 / 2, 1])
    assert dice(table) == pytest.approx([2 / 3, 1])


def test_a_class_that_is_nowhere_does_not_count_in_the_mean():
    table = confusion(np.array([[1, 3]]), np.array([[1, 3]]), 3)
    assert np.isnan(iou(table)).tolist() == [False, True, False]
    assert mean(iou(table)) == 1


def test_a_class_that_is_only_predicted_scores_zero():
    table = confusion(np.array([[1, 1]]), np.array([[1, 2]]), 2)
    assert iou(table).tolist() == [0.5, 0]


def test_nothing_labelled_has_no_score():
    nothing = np.zeros((2, 2), int)
    assert np.isnan(mean(iou(confusion(nothing, nothing + 1, 2))))


def test_tables_of_two_images_add_up():
    both = confusion(np.hstack([TRUTH, TRUTH]), np.hstack([PREDICTION, TRUTH]), 2)
    apart = confusion(TRUTH, PREDICTION, 2) + confusion(TRUTH, TRUTH, 2)
    assert (both == apart).all()


def test_other_shapes_and_values_are_refused():
    with pytest.raises(ValueError, match="the truth is"):
        confusion(TRUTH, PREDICTION[:1], 2)
    with pytest.raises(ValueError, match="prediction holds values outside"):
        confusion(np.array([[1]]), np.array([[9]]), 2)


maps = arrays(np.uint8, (5, 7), elements=st.integers(0, 3))


@given(maps, maps)
def test_agrees_with_counting_pixel_by_pixel(truth, prediction):
    table = confusion(truth, prediction, 3)
    ious, dices = iou(table), dice(table)
    for k in (1, 2, 3):
        pairs = [(t, p) for t, p in zip(truth.flat, prediction.flat, strict=True) if t]
        both = sum(t == k and p == k for t, p in pairs)
        either = sum(t == k or p == k for t, p in pairs)
        if either:
            assert ious[k - 1] == pytest.approx(both / either)
            assert dices[k - 1] == pytest.approx(2 * both / (either + both))
        else:
            assert np.isnan(ious[k - 1])
            assert np.isnan(dices[k - 1])
