from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_unet.core.folds import FOLDS, cross_validated, folds


def test_strokes_stay_whole_and_are_dealt_in_turn():
    paint = np.zeros((60, 40), np.uint8)
    for i in range(7):
        paint[8 * i + 1, 2:30] = 1
    paint[5, 2:30] = paint[13, 2:30] = 2
    dealt = folds(paint)
    ones = [set(dealt[8 * i + 1, 2:30]) for i in range(7)]
    assert all(len(fold) == 1 for fold in ones)
    assert set().union(*ones) == set(range(FOLDS))
    assert {dealt[5, 2], dealt[13, 2]} == {0, 1}
    assert not dealt[paint == 0].any()


def test_a_single_stroke_is_cut_in_two():
    paint = np.zeros((20, 40), np.uint8)
    paint[4, 5:25] = 1
    dealt = folds(paint)
    assert set(dealt[4, 5:15]) == {0}
    assert set(dealt[4, 15:25]) == {1}


def cloud(spread, seed=0):
    random = torch.Generator().manual_seed(seed)
    targets = torch.arange(2).repeat(200)
    features = targets[:, None] + spread * torch.randn(400, 3, generator=random)
    return features, targets, torch.arange(400) // 80


@pytest.mark.parametrize("strokes", [1, 5])
def test_the_error_grows_as_classes_overlap(strokes):
    errors = [cross_validated(*cloud(s), 2, strokes) for s in (0.1, 0.5, 2.0)]
    assert errors == sorted(errors)
    assert errors[0] < 0.2 < errors[2]


def test_a_feature_that_only_names_the_fold_does_not_help():
    """What a fit learns by heart of one stroke counts for nothing on the others."""
    features, targets, fold = cloud(0.8)
    names = torch.nn.functional.one_hot(2 * fold + targets).float()
    known = cross_validated(torch.cat([features, 5 * names], 1), targets, fold, 2, 5)
    assert known > cross_validated(features, targets, fold, 2, 5)


def test_folds_that_lack_a_class_outside_are_left_out():
    features, targets, _ = cloud(0.1)
    assert cross_validated(features, targets, targets, 2, 1) == float("inf")
