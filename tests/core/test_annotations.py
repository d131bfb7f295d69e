from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_unet.core.annotations import (
    BLOCK,
    AnnotationError,
    Annotations,
    check_class_map,
    check_shapes,
    check_trainable,
    strokes,
)


def painted(shape: tuple[int, int], *strokes: tuple[int, int, int]) -> np.ndarray:
    """A plane with single pixels (y, x, class)."""
    paint = np.zeros(shape, np.uint8)
    for y, x, number in strokes:
        paint[y, x] = number
    return paint


planes = st.builds(
    lambda shape, dots: painted(shape, *((y % shape[0], x % shape[1], k) for y, x, k in dots)),
    st.tuples(st.integers(1, 600), st.integers(1, 600)),
    st.lists(st.tuples(st.integers(0, 600), st.integers(0, 600), st.integers(1, 255)), max_size=8),
)


@settings(deadline=None)
@given(planes)
def test_a_snapshot_holds_the_paint(paint):
    snapshot = Annotations.of(paint)
    assert snapshot.shape == paint.shape
    assert np.array_equal(snapshot.dense(), paint)
    assert snapshot.dense().dtype == np.uint8
    assert np.array_equal(snapshot.counts[1:], np.bincount(paint.ravel(), minlength=256)[1:])
    assert snapshot.counts[0] == 0
    assert snapshot.same_as(Annotations.of(paint.copy()))


@settings(deadline=None)
@given(planes, st.data())
def test_unchanged_blocks_are_shared(paint, data):
    before = Annotations.of(paint)
    y, x = (data.draw(st.integers(0, n - 1)) for n in paint.shape)
    after_paint = paint.copy()
    after_paint[y, x] = 0 if paint[y, x] else 7
    after = Annotations.of(after_paint, before)
    assert np.array_equal(after.dense(), after_paint)
    assert np.array_equal(before.dense(), paint)
    assert not after.same_as(before)
    old = {(b.y, b.x): b for b in before.blocks}
    for block in after.blocks:
        if (block.y, block.x) != (y // BLOCK * BLOCK, x // BLOCK * BLOCK):
            assert block is old[block.y, block.x]


@settings(deadline=None)
@given(st.lists(planes, min_size=1, max_size=3), st.sampled_from([256, 512]))
def test_squares_are_the_paint_of_each_slice_cut_apart(slices, side):
    sides = [max(paint.shape[axis] for paint in slices) for axis in (0, 1)]
    volume = np.zeros((len(slices), *sides), np.uint8)
    for own, paint in zip(volume, slices, strict=True):
        own[: paint.shape[0], : paint.shape[1]] = paint
    for paint, whole in (
        (volume, Annotations.of_volume(volume)), (volume[0], Annotations.of(volume[0])),
    ):  # fmt: skip
        again = np.zeros_like(paint)
        for corner, square in whole.squares(side).items():
            assert square.counts.any()
            assert not any(at % side for at in corner[-2:])
            assert square.shape[:-2] == (1,) * (paint.ndim - 2)
            again[tuple(slice(a, a + n) for a, n in zip(corner, square.shape, strict=True))] = (
                square.dense()
            )
        assert np.array_equal(again, paint)


def test_nothing_new_shares_all_and_only_painted_blocks_exist():
    paint = painted((1000, 900), (3, 3, 1), (999, 899, 2))
    before = Annotations.of(paint)
    assert [(b.y, b.x) for b in before.blocks] == [(0, 0), (768, 768)]
    after = Annotations.of(paint, before)
    assert all(a is b for a, b in zip(after.blocks, before.blocks, strict=True))


def test_a_snapshot_does_not_change_with_the_layer_and_cannot_be_written():
    paint = painted((20, 20), (3, 3, 1))
    snapshot = Annotations.of(paint)
    paint[:] = 9
    assert snapshot.counts[9] == 0
    with pytest.raises(ValueError, match="read-only"):
        snapshot.blocks[0].values[0, 0] = 1
    with pytest.raises(ValueError, match="read-only"):
        snapshot.counts[1] = 5
    with pytest.raises(AttributeError):
        snapshot.shape = (1, 1)


def test_a_snapshot_of_another_size_is_no_help():
    before = Annotations.of(painted((20, 20), (3, 3, 1)))
    after = Annotations.of(painted((20, 30), (3, 3, 1)), before)
    assert after.dense().shape == (20, 30)
    assert not after.same_as(before)


def test_same_paint_elsewhere_is_not_the_same():
    first = Annotations.of(painted((600, 600), (0, 0, 1)))
    assert not first.same_as(Annotations.of(painted((600, 600), (BLOCK, 0, 1))))
    assert not first.same_as(Annotations.of(painted((600, 600), (0, 0, 2))))
    assert not first.same_as(Annotations((600, 600)))


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64, np.uint16])
def test_any_whole_numbers_will_do(dtype):
    paint = painted((9, 9), (1, 2, 255)).astype(dtype)
    assert Annotations.of(paint).dense()[1, 2] == 255


@pytest.mark.parametrize(
    ("paint", "sentence"),
    [
        (np.zeros((3, 4, 5), np.uint8), r"one plane .* not of shape \(3, 4, 5\)"),
        (np.zeros((3, 4)), "hold float64 values; save them as whole numbers"),
        (np.zeros((3, 4), bool), "hold bool values; save them as whole numbers"),
        (np.full((3, 4), 256), "the value 256, but classes go from 1 to 255"),
        (np.array([[-1, 5]]), "the value -1, but classes go from 1 to 255"),
    ],
)
def test_what_is_no_class_map_is_refused_in_a_sentence(paint, sentence):
    with pytest.raises(AnnotationError, match=sentence):
        Annotations.of(paint)


def test_an_empty_map_is_a_class_map():
    check_class_map(np.zeros((0, 5), np.uint8))
    assert Annotations.of(np.zeros((0, 5), np.uint8)).blocks == ()


def test_paint_of_another_size_is_refused_in_a_sentence():
    check_shapes((20, 30), (20, 30))
    with pytest.raises(AnnotationError, match="20 × 31 px but the image is 20 × 30 px"):
        check_shapes((20, 31), (20, 30))
    with pytest.raises(AnnotationError, match="20 px but the image is 2 × 20 × 30 px"):
        check_shapes((20,), (2, 20, 30))


def test_two_classes_are_needed():
    with pytest.raises(AnnotationError, match="Nothing is painted yet"):
        check_trainable(Annotations((9, 9)).counts)
    with pytest.raises(AnnotationError, match=r"Only class 4 is painted: .* second class"):
        check_trainable(Annotations.of(painted((9, 9), (1, 1, 4))).counts)
    check_trainable(Annotations.of(painted((9, 9), (1, 1, 4), (1, 2, 2))).counts)


def test_strokes_are_connected_and_of_one_class():
    paint = np.array(
        [
            [1, 0, 0, 2],
            [0, 1, 2, 2],  # 8-connected; touches class 2
            [0, 0, 0, 0],
            [1, 1, 0, 2],
        ],
        np.uint8,
    )
    numbered = strokes(paint)
    assert numbered.dtype == np.int32
    assert numbered.max() == 4
    assert np.array_equal(numbered > 0, paint > 0)
    assert numbered[0, 0] == numbered[1, 1]
    assert numbered[0, 3] == numbered[1, 2]
    corners = {numbered[0, 0], numbered[0, 3], numbered[3, 0], numbered[3, 3]}
    assert len(corners) == 4
