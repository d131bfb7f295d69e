from __future__ import annotations

import numpy as np
import pytest

from napari_unet.core.metrics.isbi import isbi, regions, thinned


def membranes(width=1):
    """Nine cells in a grid of membranes."""
    cells = np.ones((60, 60))
    for k in (20, 40):
        line = slice(k - width // 2, k + width // 2 + 1)
        cells[line] = cells[:, line] = 0
    return cells


def test_a_perfect_result():
    scores = isbi(membranes(), membranes())
    assert (scores.v_rand, scores.v_info) == (1, 1)
    assert scores.rand_error == scores.pixel_error == scores.warping_error == 0


def test_thick_membranes_cost_nothing_after_thinning():
    scores = isbi(membranes(), membranes(width=5))
    assert scores.v_rand > 0.95
    assert scores.rand_error > 0.05  # which is without thinning
    assert scores.warping_error == 0


def test_the_best_threshold_is_taken():
    unsure = 0.3 + 0.1 * membranes()  # all the same but for thresholds in between
    scores = isbi(membranes(), unsure)
    assert (scores.v_rand, scores.pixel_error) == (1, 0)
    assert isbi(membranes(), unsure, thresholds=(0.0, 0.9)).v_rand < 0.6


def test_a_lost_membrane_is_a_merger():
    open_cells = membranes()
    open_cells[20, :20] = 1
    scores = isbi(membranes(), open_cells)
    assert scores.v_rand < 0.95
    assert scores.splits_and_mergers == pytest.approx(1 / 3600)


def test_thinning_keeps_the_regions_apart():
    thin = thinned(regions(membranes(width=7) > 0))
    assert len(np.unique(thin)) - 1 == 9
    assert (thin == 0).mean() < 0.08
    nothing = np.zeros((4, 4), int)
    assert (thinned(nothing) == nothing).all()


def test_wrong_input_is_refused():
    with pytest.raises(ValueError, match="the truth is"):
        isbi(membranes(), membranes()[:5])
    with pytest.raises(ValueError, match="no threshold"):
        isbi(membranes(), membranes(), thresholds=())
