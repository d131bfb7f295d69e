"""Tests of `core.objects_size`."""

from __future__ import annotations

import numpy as np
import pytest

from napari_unet.core import objects_size
from napari_unet.core.objects_size import smallest_like


def squares(*sides: int) -> np.ndarray:
    """Squares side by side, 1 px from the border and from each other, with the ids 128, 129, …"""
    paint = np.zeros((max(sides) + 2, sum(sides) + len(sides) + 1), np.uint8)
    left = 1
    for number, side in enumerate(sides):
        paint[1 : 1 + side, left : left + side] = 128 + number
        left += side + 1
    return paint


def test_it_is_a_third_of_the_smallest() -> None:
    assert smallest_like(squares(20, 40, 30), range(128, 256)) == pytest.approx(0.35 * 400)


def test_the_same_id_further_off_is_another_object() -> None:
    paint = squares(20, 40, 30)
    paint[paint > 0] = 128
    assert smallest_like(paint, [128]) == 140


def test_touching_objects_are_told_apart_by_their_ids() -> None:
    paint = np.zeros((22, 62), np.uint8)
    for k in range(3):
        paint[1:21, 1 + 20 * k : 21 + 20 * k] = 128 + k
    assert smallest_like(paint, range(128, 256)) == 140


def test_of_two_objects_it_says_nothing() -> None:
    assert smallest_like(squares(20, 40), range(128, 256)) is None


def test_what_the_border_cuts_off_does_not_count() -> None:
    paint = squares(20, 40, 30)
    paint[0, :3] = 200
    assert smallest_like(paint, range(128, 256)) == 140
    cut = paint[:, 21:]  # the last column of the small square is left
    assert smallest_like(cut, range(128, 256)) is None


def test_strokes_of_classes_and_of_other_ids_are_no_objects() -> None:
    paint = squares(20, 40, 30)
    paint[0, 30] = 2
    paint[10, 30] = 129
    assert smallest_like(paint, [128, 129, 130]) == 140
    assert smallest_like(paint, [128, 130]) is None


def test_it_does_not_matter_where_in_the_plane_they_lie() -> None:
    assert smallest_like(np.pad(squares(20, 40, 30), ((7, 0), (0, 11))), range(128, 256)) == 140
    assert smallest_like(np.zeros((30, 40), np.uint8), range(128, 256)) is None


def test_a_whole_object_at_the_end_of_what_is_painted_counts() -> None:
    paint = np.pad(squares(20, 40, 30), ((0, 5), (0, 5)))
    assert smallest_like(paint[:, 20:], range(128, 256)) is None  # the first is cut off
    assert smallest_like(paint, range(128, 256)) == 140


@pytest.mark.parametrize(("side", "smallest"), [(8, 30), (6, 30), (5, 25), (3, 9)])
def test_of_small_objects_specks_are_dropped_but_nothing_like_them(
    side: int, smallest: int
) -> None:
    assert smallest_like(squares(20, side, 30), range(128, 256)) == smallest


def test_of_very_many_only_the_closest_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    paint = squares(20, 40, 30)
    paint[2, -2] = 128  # so that this id lies all over the plane
    assert smallest_like(paint, range(128, 256)) == 1
    monkeypatch.setattr(objects_size, "_MOST", 40 * 40 + 30 * 30)
    assert smallest_like(paint, range(128, 256)) is None
