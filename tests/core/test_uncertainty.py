from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_unet.core.uncertainty import REACH, certainty, next_place, uncertainty

NONE = np.zeros((200, 300), bool)


def spot(shape, *places, radius=12):
    y, x = np.indices(shape)
    found = np.zeros(shape, np.uint8)
    for row, column, value in places:
        found[np.hypot(y - row, x - column) < radius] = value
    return found


def near(place, y, x, within=6):
    return np.hypot(place[0] - y, place[1] - x) <= within


@given(arrays(np.float64, (3, 7), elements=st.floats(0.001, 1)))
def test_it_is_the_margin_between_the_two_best(weights):
    p = weights / weights.sum(0)
    ordered = np.sort(p, axis=0)
    expected = 1 - (ordered[-1] - ordered[-2])
    assert np.abs(uncertainty(p) / 255 - expected).max() <= 0.5 / 255 + 1e-9


@pytest.mark.parametrize(("p", "expected"), [((1, 0, 0), 0), ((0.5, 0.5, 0), 255), ((0, 1, 0), 0)])
def test_certain_is_none_and_alike_is_all(p, expected):
    found = uncertainty(np.array(p, np.float32).reshape(3, 1, 1))
    assert found.dtype == np.uint8
    assert found.tolist() == [[expected]]


@given(arrays(np.float64, (3, 7), elements=st.floats(0.001, 1)))
def test_certainty_is_the_probability_of_the_most_probable_class(weights):
    p = weights / weights.sum(0)
    found = certainty(p)
    assert found.dtype == np.uint8
    assert np.abs(found / 255 - p.max(0)).max() <= 0.5 / 255 + 1e-6


def test_what_a_strangers_network_says_is_no_more_than_certain():
    found = certainty(np.array([[-3.0, 0.2], [9.0, -1.0]], np.float32))
    assert found.tolist() == [255, 51]


def test_the_place_is_in_the_largest_mass():
    unsure = spot(NONE.shape, (50, 60, 120), (120, 200, 250))
    assert near(next_place(unsure, NONE), 120, 200)


def test_a_single_unsure_pixel_is_nothing_beside_a_region():
    unsure = spot(NONE.shape, (120, 200, 150))
    unsure[50, 60] = 255
    assert near(next_place(unsure, NONE), 120, 200)


def test_what_is_painted_already_is_not_asked_for():
    unsure = spot(NONE.shape, (50, 60, 200), (120, 200, 250))
    known = NONE.copy()
    known[118:122, 190:210] = True
    assert near(next_place(unsure, known), 50, 60)


def test_what_was_told_before_is_not_told_again():
    unsure = spot(NONE.shape, (50, 60, 200), (120, 200, 250))
    first = next_place(unsure, NONE)
    second = next_place(unsure, NONE, [first])
    assert near(first, 120, 200)
    assert near(second, 50, 60)
    third = next_place(unsure, NONE, [first, second])
    assert third is None or not (near(third, *first, REACH) or near(third, *second, REACH))


def test_a_plane_that_is_unsure_all_over_is_asked_for_in_many_places():
    told = []
    for _ in range(5):
        told.append(next_place(np.full((200, 300), 255, np.uint8), NONE, told))
    for index, (y, x) in enumerate(told):
        assert not any(near((y, x), *other, 2 * REACH) for other in told[:index])


def test_where_all_is_sure_there_is_no_place():
    assert next_place(np.zeros((50, 60), np.uint8), np.zeros((50, 60), bool)) is None
    assert next_place(np.full((50, 60), 255, np.uint8), np.ones((50, 60), bool)) is None


@given(st.integers(1, 70), st.integers(1, 70))
def test_a_place_is_within_the_plane(height, width):
    place = next_place(np.full((height, width), 255, np.uint8), np.zeros((height, width), bool))
    if place is not None:
        assert 0 <= place[0] < height
        assert 0 <= place[1] < width
    else:
        assert min(height, width) < 2 * REACH


def test_turning_the_plane_turns_the_place():
    unsure = spot((128, 128), (40, 88, 200), (100, 20, 90))
    y, x = next_place(unsure, np.zeros((128, 128), bool))
    turned = next_place(unsure.T.copy(), np.zeros((128, 128), bool))
    assert turned == (x, y)
