from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_unet.core.image import (
    ImageError,
    Normalisation,
    Picture,
    as_plane,
    check_numbers,
    measure,
    mirror,
    read_mirrored,
)


def cells(shape: tuple[int, ...] = (3, 120, 130), seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(100, 15, shape)


class Spy:
    """A lazy array (like dask or zarr) that notes what is read from it."""

    def __init__(self, array: np.ndarray) -> None:
        self.array, self.asked = array, []

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    def __getitem__(self, window: tuple[slice, ...]) -> np.ndarray:
        self.asked.append(window)
        return self.array[window]


# -- planes --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "rgb", "plane"),
    [
        ((7, 9), None, (1, 7, 9)),
        ((7, 4), None, (1, 7, 4)),  # a narrow grey image is not colour
        ((7, 9, 3), None, (3, 7, 9)),
        ((7, 9, 4), None, (3, 7, 9)),
        ((7, 9, 3), True, (3, 7, 9)),
        ((1, 1), False, (1, 1, 1)),
    ],
)
def test_planes(shape, rgb, plane):
    assert as_plane(np.zeros(shape), rgb=rgb).shape == plane


def test_planes_are_views_and_keep_colours_in_order():
    image = np.arange(2 * 3 * 4).reshape(2, 3, 4)
    plane = as_plane(image)
    assert np.shares_memory(plane, image)
    assert np.array_equal(plane[2], image[:, :, 2])
    assert 3 not in plane  # the alpha channel is left out


def test_bool_becomes_numbers():
    plane = as_plane(np.eye(5, dtype=bool))
    assert plane.dtype == np.uint8
    assert plane.sum() == 5


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (np.zeros((4, 4), complex), "complex128 values; grey values must be numbers"),
        (np.zeros((4, 4), "m8[s]"), "timedelta64.* values; grey values must be numbers"),
        (np.array([["a", "b"]]), "<U1 values; grey values must be numbers"),
        (np.array([[None]]), "object values; grey values must be numbers"),
        (np.zeros((5, 6, 7)), r"\(5, 6, 7\) is not a single plane: choose one plane"),
        (np.zeros(5), r"\(5,\) is not a single plane"),
        (np.zeros((2, 5, 6, 3)), "is not a single plane"),
        (np.zeros((0, 5)), r"no pixels: its shape is \(0, 5\)"),
        (np.zeros((5, 0, 3)), "no pixels"),
    ],
)
def test_what_is_no_plane_is_refused_in_a_sentence(array, sentence):
    with pytest.raises(ImageError, match=sentence):
        as_plane(array)


@pytest.mark.parametrize(("shape", "rgb"), [((5, 6, 3), False), ((5, 3), True), ((5, 6, 2), True)])
def test_colour_must_be_what_it_is_said_to_be(shape, rgb):
    with pytest.raises(ImageError, match="not a single plane"):
        as_plane(np.zeros(shape), rgb=rgb)


# -- normalisation -------------------------------------------------------------------------


def test_normalised_channels_have_mean_0_and_deviation_1():
    plane = cells() * np.array([1, 5, 0.01])[:, None, None]
    result = measure(plane).apply(plane)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result.mean((1, 2)), 0, atol=0.02)
    np.testing.assert_allclose(result.std((1, 2)), 1, atol=0.02)


def test_hot_pixels_do_not_matter():
    plane = cells((1, 300, 300))
    hot = plane.copy()
    hot[0, ::100, ::100] = 1e6
    clean, robust = measure(plane), measure(hot)
    assert robust.mean[0] == pytest.approx(clean.mean[0], rel=0.01)
    assert robust.deviation[0] == pytest.approx(clean.deviation[0], rel=0.02)
    assert robust.apply(hot).max() == 10  # cut off


def test_a_part_is_normalised_like_the_whole():
    plane = cells()
    whole = measure(plane)
    window = (slice(None), slice(5, 30), slice(40, 60))
    assert np.array_equal(whole.apply(plane[window]), whole.apply(plane)[window])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float16, ">u2"])
def test_the_type_of_the_image_does_not_matter(dtype):
    plane = cells().round().astype(dtype)
    before = plane.copy()
    result = measure(plane).apply(plane)
    wanted = measure(plane.astype(float)).apply(plane.astype(float))
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, wanted, atol=1e-3)
    assert np.array_equal(plane, before)


@pytest.mark.parametrize(("dtype", "offset"), [(np.int32, 2 * 10**9), (float, 1e12), (float, 1e40)])
def test_large_values_lose_no_detail(dtype, offset):
    steps = np.arange(100).reshape(1, 10, 10)
    plane = (steps.astype(float) * offset if offset > 1e30 else steps + offset).astype(dtype)
    result = measure(plane).apply(plane)
    assert np.all(np.diff(result.ravel()) > 0)


def test_one_flat_channel_is_allowed():
    plane = cells((2, 50, 50))
    plane[0] = 0.1
    found = measure(plane)
    assert found.deviation[0] == 1
    assert np.abs(found.apply(plane)[0]).max() < 1e-6


@pytest.mark.parametrize("value", [0, 0.1, 1 / 3, 7.7, 65535])
@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 37, 27), (2, 50, 50)])
def test_a_flat_image_is_refused_in_a_sentence(value, shape):
    with pytest.raises(ImageError, match="same value: there is nothing to tell apart"):
        measure(np.full(shape, value))


def test_a_huge_image_that_is_nearly_flat_is_not_flat():
    plane = np.zeros((1, 2100, 2100), np.uint8)
    plane[0, 1001, 1001] = 255  # beside what is sampled
    assert measure(plane).deviation[0] > 0


def test_numbers_are_checked_and_handed_on():
    plane = cells()
    assert check_numbers(plane) is plane
    assert check_numbers(whole := np.ones((1, 2, 2), np.uint8)) is whole
    plane[0, 3, 4] = np.inf
    with pytest.raises(ImageError, match="not numbers"):
        check_numbers(plane)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused_in_a_sentence(value):
    plane = cells()
    plane[1, 3, 4] = value
    with pytest.raises(ImageError, match=r"not numbers .*numpy\.nan_to_num"):
        measure(plane)


def test_picture_reads_normalised_windows_and_mirrors():
    plane = cells()
    picture = Picture.of(plane)
    assert (picture.channels, picture.shape) == (3, (120, 130))
    whole = measure(plane).apply(plane)
    read = picture.read((slice(-10, 125), slice(0, 140)))
    np.testing.assert_array_equal(read, np.pad(whole, ((0, 0), (10, 5), (0, 10)), mode="reflect"))


def test_normalisation_is_a_value():
    assert Normalisation((1.0,), (2.0,)) == Normalisation((1.0,), (2.0,))


# -- mirroring -----------------------------------------------------------------------------


@settings(deadline=None)
@given(st.integers(1, 12), st.integers(0, 60), st.integers(0, 60))
def test_mirror_is_numpys_reflection(length, before, after):
    wanted = np.pad(np.arange(length), (before, after), mode="reflect")
    assert np.array_equal(mirror(np.arange(-before, length + after), length), wanted)


@settings(deadline=None)
@given(st.data())
def test_reading_any_window_equals_cutting_it_from_a_padded_image(data):
    shape = data.draw(st.lists(st.integers(1, 9), min_size=2, max_size=3))
    plane = np.random.default_rng(0).integers(0, 255, (2, *shape))
    pad = 40
    padded = np.pad(plane, ((0, 0), *[(pad, pad)] * len(shape)), mode="reflect")
    window, in_padded = [], []
    for length in shape:
        start = data.draw(st.integers(-pad, length + pad - 1))
        stop = data.draw(st.integers(start + 1, length + pad))
        window.append(slice(start, stop))
        in_padded.append(slice(start + pad, stop + pad))
    read = read_mirrored(plane, tuple(window))
    assert np.array_equal(read, padded[(slice(None), *in_padded)])


@pytest.mark.parametrize(
    ("window", "box"),
    [
        ((slice(10, 20), slice(30, 50)), (slice(10, 20), slice(30, 50))),
        ((slice(-5, 20), slice(90, 120)), (slice(0, 20), slice(79, 100))),
        ((slice(-5, 3), slice(101, 104)), (slice(0, 6), slice(95, 98))),
        ((slice(-500, 500), slice(0, 1)), (slice(0, 80), slice(0, 1))),
    ],
)
def test_only_the_box_that_is_needed_is_read(window, box):
    spy = Spy(np.arange(8000).reshape(1, 80, 100))
    read = read_mirrored(spy, window)
    assert spy.asked == [(slice(None), *box)]
    assert read.shape == (1, *(w.stop - w.start for w in window))
