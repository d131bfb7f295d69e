"""Scores against short and slow references that look at one pixel at a time."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage as ndi
from skimage.metrics import variation_of_information

from napari_unet.core.metrics import borders
from napari_unet.core.metrics.borders import pixel_error, warp
from napari_unet.core.metrics.clusters import v_info
from napari_unet.core.metrics.overlaps import contingency

labels = arrays(np.uint8, (6, 7), elements=st.integers(0, 3))
alphas = st.sampled_from([0.0, 0.25, 0.5, 1.0])


def foreground(truth, found):
    """Pixels of true objects: (n,) ids each; those that nothing was found at are alone."""
    inside = truth > 0
    true, guess = truth[inside].astype(int), found[inside].astype(int)
    return true, np.where(guess > 0, guess, 1000 + np.arange(len(guess)))


def shared(in_truth, in_result, given_truth, alpha):
    """V_info from the entropies of truth and result, and of the result where the truth is known."""
    whole = alpha * in_result + (1 - alpha) * in_truth
    return (in_result - given_truth) / whole if whole > 1e-12 else 1.0


@given(labels, labels, alphas)
def test_v_info_from_scikit_image_s_entropies(truth, found, alpha):
    true, guess = foreground(truth, found)
    if not len(true):
        return
    nothing = np.zeros_like(true)  # what is known of a pixel without looking
    given_truth, _ = variation_of_information(true, guess)
    in_truth, _ = variation_of_information(nothing, true)
    in_result, _ = variation_of_information(nothing, guess)
    expected = shared(in_truth, in_result, given_truth, alpha)
    assert v_info(contingency(truth, found), alpha) == pytest.approx(expected, abs=1e-9)


@given(labels, labels, alphas)
def test_v_info_from_a_loop_over_pixels(truth, found, alpha):
    pairs = list(zip(*(ids.tolist() for ids in foreground(truth, found)), strict=True))
    n = len(pairs)
    if not n:
        return
    in_truth = in_result = joint = 0.0
    for one in pairs:  # how surprising it is to meet this pixel's object
        in_truth -= math.log2(sum(one[0] == other[0] for other in pairs) / n) / n
        in_result -= math.log2(sum(one[1] == other[1] for other in pairs) / n) / n
        joint -= math.log2(sum(one == other for other in pairs) / n) / n
    expected = shared(in_truth, in_result, joint - in_truth, alpha)
    assert v_info(contingency(truth, found), alpha) == pytest.approx(expected, abs=1e-9)


maps = arrays(bool, (9, 11), elements=st.booleans())
tiny = arrays(bool, (3, 4), elements=st.booleans())


@given(maps, maps)
def test_pixel_error_from_a_loop_over_pixels(truth, found):
    right = missed = added = 0
    for y, x in np.ndindex(*truth.shape):
        right += truth[y, x] and found[y, x]
        missed += truth[y, x] and not found[y, x]
        added += found[y, x] and not truth[y, x]
    if not right + missed + added:
        assert np.isnan(pixel_error(truth, found))
        return
    precision = right / (right + added) if right + added else 0
    recall = right / (right + missed) if right + missed else 0
    score = 2 * precision * recall / (precision + recall) if right else 0
    assert pixel_error(truth, found) == pytest.approx(1 - score)


def counts(state):
    """Objects (4-connected) and holes (8-connected, with what is around all) of a whole plane."""
    return ndi.label(state)[1], ndi.label(~state, np.ones((3, 3)))[1]


def flippable(state, goal):
    """Pixels that differ and whose flip leaves the number of objects and holes as it is."""
    before, there = counts(state), []
    for at in zip(*np.nonzero(state != goal), strict=True):
        flipped = state.copy()
        flipped[at] = goal[at]
        if counts(flipped) == before:
            there.append(at)
    return there


def serial(truth, found):
    """The same deformation, one pixel at a time: four sub-lattices take turns until all rest."""
    state, goal = np.pad(truth, 1), np.pad(found, 1)
    while flippable(state, goal):
        for y, x in ((0, 0), (0, 1), (1, 0), (1, 1)):
            for at in np.ndindex(*truth.shape):
                pixel = at[0] + 1, at[1] + 1
                if (at[0] % 2, at[1] % 2) != (y, x) or state[pixel] == goal[pixel]:
                    continue
                before = counts(state)
                state[pixel] = goal[pixel]
                if counts(state) != before:
                    state[pixel] = not goal[pixel]
    return state


def reachable(truth, found):
    """All planes that flips one after the other lead to, in whatever order."""
    start, goal = np.pad(truth, 1), np.pad(found, 1)
    known, new = {start.tobytes(): start}, [start]
    while new:
        state = new.pop()
        for at in flippable(state, goal):
            flipped = state.copy()
            flipped[at] = goal[at]
            if known.setdefault(flipped.tobytes(), flipped) is flipped:
                new.append(flipped)
    return known


def warped(truth, found):
    """The result, and the plane that it was read from."""
    states, judge = [], borders._judge
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            borders, "_judge", lambda state, goal: states.append(state) or judge(state, goal)
        )
        left = warp(truth, found)
    return left, states[0].astype(bool)


@settings(max_examples=40, deadline=None)
@given(maps, maps)
def test_warping_is_that_of_one_pixel_at_a_time(truth, found):
    left, state = warped(truth, found)
    assert (state == serial(truth, found)).all()
    assert counts(state) == counts(np.pad(truth, 1))
    assert not flippable(state, np.pad(found, 1))
    assert left.wrong == (state[1:-1, 1:-1] != found).sum()


@settings(max_examples=60, deadline=None)
@given(tiny, tiny)
def test_warping_finds_no_less_than_the_least_error(truth, found):
    left, state = warped(truth, found)
    planes = reachable(truth, found)
    assert state.tobytes() in planes
    least = min(int((plane[1:-1, 1:-1] != found).sum()) for plane in planes.values())
    assert least <= left.wrong <= (truth != found).sum()


def test_the_least_error_is_not_always_found():
    """What the module says of its limits: the order of the flips decides."""
    rng = np.random.default_rng(0)
    above = 0
    for _ in range(60):
        truth, found = rng.random((2, 3, 4)) < 0.6
        planes = reachable(truth, found).values()
        least = min(int((plane[1:-1, 1:-1] != found).sum()) for plane in planes)
        above += warp(truth, found).wrong > least
    assert 0 < above <= 15  # random planes: smooth ones leave less choice
