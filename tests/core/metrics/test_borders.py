from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.measure import euler_number

from napari_unet.core.metrics import borders
from napari_unet.core.metrics.borders import insides, pixel_error, warp


def two_cells(line=(), gap=()):
    """Two cells beside each other; `line` cuts the left one, `gap` joins both."""
    cells = np.zeros((20, 31), bool)
    cells[2:18, 2:15] = cells[2:18, 16:29] = True
    for row in line:
        cells[row, 2:15] = False
    for row in gap:
        cells[row, 15] = True
    return cells


def test_pixel_error_worked_by_hand():
    truth, found = np.array([[1, 1, 0, 0]], bool), np.array([[0, 1, 1, 0]], bool)
    assert pixel_error(truth, found) == pytest.approx(1 - 2 * 1 / 4)
    assert pixel_error(truth, truth) == 0
    assert np.isnan(pixel_error(truth & False, truth & False))


def test_a_shifted_border_is_no_error():
    truth = two_cells()
    found = np.zeros_like(truth)
    found[1:19, 1:14] = found[3:18, 15:30] = True
    left = warp(truth, found)
    assert (left.wrong, left.splits, left.mergers, left.error) == (0, 0, 0, 0)


def test_a_border_far_away_is_another_border():
    found = np.zeros((20, 31), bool)
    found[2:18, 2:8] = found[2:18, 9:29] = True
    left = warp(two_cells(), found)
    assert (left.splits, left.mergers) == (1, 1)


def test_a_merger_is_one():
    left = warp(two_cells(), two_cells(gap=(9,)))
    assert (left.wrong, left.splits, left.mergers) == (1, 0, 1)
    assert left.error == 1 / 620
    assert left.splits_and_mergers == 1 / 620


def test_a_wide_merger_is_one_but_more_pixels():
    left = warp(two_cells(), two_cells(gap=range(2, 18)))
    assert (left.splits, left.mergers) == (0, 1)
    assert left.wrong == 16


def test_a_split_is_one():
    left = warp(two_cells(), two_cells(line=(9,)))
    assert (left.splits, left.mergers) == (1, 0)
    assert left.wrong == 1  # the line grows from both ends until one pixel holds the cell together


def test_a_wide_split_is_one():
    left = warp(two_cells(), two_cells(line=(8, 9, 10)))
    assert (left.splits, left.mergers) == (1, 0)


def test_cells_that_come_and_go_are_neither():
    truth, found = two_cells(), two_cells()
    found[2:18, 2:15] = False
    lost = warp(truth, found)
    assert (lost.wrong > 0, lost.splits, lost.mergers) == (True, 0, 0)
    gained = warp(found, truth)
    assert (gained.wrong > 0, gained.splits, gained.mergers) == (True, 0, 0)


maps = arrays(bool, (9, 11), elements=st.booleans())


@settings(max_examples=50)
@given(maps, maps)
def test_warping_keeps_the_topology(truth, found):
    """No object and no hole comes or goes; what can be flipped is."""
    states = []
    keep = borders._judge
    try:
        borders._judge = lambda state, goal: states.append(state) or keep(state, goal)
        left = warp(truth, found)
    finally:
        borders._judge = keep
    (state,) = states
    assert euler_number(state, 1) == euler_number(np.pad(truth, 1), 1)
    assert left.wrong == (state[1:-1, 1:-1] != found).sum()
    assert left.wrong <= (truth != found).sum()


@given(maps)
def test_the_same_is_no_error(truth):
    assert warp(truth, truth).wrong == 0


def test_touching_objects_get_a_border():
    labels = np.array([[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 3, 0]])
    assert insides(labels).tolist() == [
        [True, False, True, True],
        [False, False, False, True],
        [True, True, True, False],
    ]
