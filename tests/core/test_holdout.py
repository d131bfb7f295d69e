from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_unet.core.annotations import strokes
from napari_unet.core.holdout import Split, split


def dashes(classes=(1, 2), each=10, length=8):
    """Many separate strokes of each class, one below the other."""
    paint = np.zeros((3 * each * len(classes), length + 4), np.uint8)
    for index in range(each * len(classes)):
        paint[3 * index, 2 : 2 + length] = classes[index % len(classes)]
    return paint


def held_share(found, number):
    own = found.paint == number
    return found.held[own].mean()


def cut_strokes(found):
    """Strokes that are held out in part."""
    numbered = strokes(found.paint)
    parts = [found.held[numbered == n] for n in range(1, numbered.max() + 1)]
    return sum(bool(p.any() and not p.all()) for p in parts)


PAINT = arrays(
    np.uint8,
    st.tuples(st.integers(1, 12), st.integers(1, 12)),
    elements=st.sampled_from([0, 0, 0, 1, 2, 7]),
)
SHARES = st.floats(0.01, 0.5)


# -- at first --------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.1, 0.2, 0.5])
def test_whole_strokes_are_held_out_and_the_share_is_kept(share):
    found = split(dashes((1, 2, 3)), share=share)
    assert cut_strokes(found) == 0
    for number in (1, 2, 3):
        assert held_share(found, number) == pytest.approx(share, abs=0.051)


@pytest.mark.parametrize("share", [0.1, 0.2, 0.5])
def test_of_one_stroke_one_end_is_held_out(share):
    paint = np.zeros((30, 60), np.uint8)
    paint[10, 5:55], paint[5:25, 2] = 1, 2
    found = split(paint, share=share)
    for number in (1, 2):
        assert held_share(found, number) == pytest.approx(share)
        ends = found.held[paint == number]  # along the stroke
        assert (np.diff(ends.astype(int)) != 0).sum() == 1


@given(PAINT, SHARES, st.integers(0, 5))
@settings(max_examples=200, deadline=None)
def test_each_class_is_trained_on_and_judged_by(paint, share, seed):
    found = split(paint, share=share, seed=seed)
    assert not found.held[paint == 0].any()
    for number in np.unique(paint[paint > 0]):
        own = found.held[paint == number]
        assert not own.all()
        if len(own) * share >= 1:
            assert own.any()
    assert np.array_equal(found.trained > 0, (paint > 0) & ~found.held)
    assert np.array_equal(found.trained[found.trained > 0], paint[found.trained > 0])
    assert np.array_equal(found.counts, [0, *np.bincount(paint.ravel(), minlength=256)[1:]])


def test_a_seed_decides_and_repeats():
    paint = dashes(each=20)
    first = split(paint, seed=1)
    assert np.array_equal(split(paint, seed=1).held, first.held)
    assert not np.array_equal(split(paint, seed=2).held, first.held)


def test_nothing_is_held_out_when_nobody_wants_it():
    assert not split(dashes(), share=0).held.any()


def test_no_paint():
    found = split(np.zeros((4, 5), np.uint8))
    assert not found.held.any()
    assert not found.counts.any()


# -- as paint grows --------------------------------------------------------------------------


@given(
    arrays(np.uint8, (12, 12), elements=st.sampled_from([0, 0, 0, 0, 1, 2])),
    arrays(np.uint8, (12, 12), elements=st.sampled_from([0, 0, 0, 0, 1, 2])),
    SHARES,
)
@settings(max_examples=150, deadline=None)
def test_what_was_trained_on_is_never_judged_by_later(old, new, share):
    """Otherwise the score would praise what was learnt by heart."""
    first = split(old, share=share)
    paint = np.where(old > 0, old, new)
    second = split(paint, first, share=share)
    leaked = second.held & (first.trained > 0)
    for number in np.unique(paint[leaked]):  # only where nothing else of a class could be judged
        assert not (first.held & (old == number)).any()


def test_old_strokes_stay_on_their_side():
    paint = dashes(each=20)
    first = split(paint[:60], share=0.2)
    before = Split(
        np.where(np.arange(120)[:, None] < 60, paint, 0), np.pad(first.held, ((0, 60), (0, 0)))
    )
    second = split(paint, before, share=0.2)
    assert np.array_equal(second.held[:60], first.held)
    assert second.held[60:].any()
    assert cut_strokes(second) == 0
    assert held_share(second, 1) == pytest.approx(0.2, abs=0.051)


def test_erased_paint_disappears():
    paint = dashes()
    first = split(paint)
    rows = np.flatnonzero(first.held.any(1))
    less = paint.copy()
    less[rows[0]] = 0
    second = split(less, first)
    assert np.array_equal(second.paint, less)
    assert not second.held[rows[0]].any()
    assert not second.trained[rows[0]].any()
    assert not split(np.zeros_like(paint), first).held.any()


def test_when_all_trained_strokes_of_a_class_are_erased_the_rest_is_shared_anew():
    paint = dashes()
    first = split(paint)
    less = np.where(first.held | (paint == 1), paint, 0).astype(np.uint8)
    second = split(less, first)
    own = second.held[less == 2]
    assert own.any()
    assert not own.all()


def test_paint_over_a_held_stroke_is_new():
    paint = dashes()
    first = split(paint)
    row = np.flatnonzero((first.held & (paint == 1)).any(1))[0]
    over = paint.copy()
    over[row][over[row] > 0] = 2
    right = np.zeros(paint.shape, bool)  # the network disagrees: a correction
    second = split(over, first, right)
    assert not second.held[row].any()


# -- corrections -----------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_corrections_are_always_trained_on(share):
    before = np.zeros((150, 12), np.uint8)
    before[:90] = dashes(each=15)
    first = split(before, share=share)
    paint = before.copy()
    paint[90:] = dashes(each=10)
    wrong = split(paint, first, np.zeros(paint.shape, bool), share=share)
    assert not wrong.held[90:].any()
    right = split(paint, first, np.ones(paint.shape, bool), share=share)
    assert right.held[90:].any()


def test_a_stroke_that_is_right_for_the_most_part_may_be_held_out():
    before = np.zeros((150, 24), np.uint8)
    before[:30] = dashes(each=5, length=20)
    first = split(before)
    paint = before.copy()
    paint[30:] = dashes(each=20, length=20)
    for wrong_pixels, may in ((1, True), (4, False)):
        right = np.ones(paint.shape, bool)
        right[30:, 2 : 2 + wrong_pixels] = False
        assert split(paint, first, right).held[30:].any() == may


# -- fewer classes ---------------------------------------------------------------------------


def test_paint_of_classes_that_are_gone_is_left_out():
    first = split(dashes((1, 2, 3)))
    found = first.within(2)
    assert set(np.unique(found.paint)) == {0, 1, 2}
    assert not found.held[first.paint == 3].any()
    kept = first.paint < 3
    assert np.array_equal(found.held[kept], first.held[kept])
