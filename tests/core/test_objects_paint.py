from __future__ import annotations

import math

import numpy as np
import pytest
from skimage.measure import label

from napari_unet.core.objects_paint import PRESETS, Borders, classes_of, weights_of
from napari_unet.core.weighting import border_weights

# background around two objects that touch, two that do not, and an unlabelled corner
OBJECTS = np.ones((40, 60), np.uint16)
OBJECTS[10:20, 10:20], OBJECTS[10:20, 20:30] = 2, 7
OBJECTS[28:36, 10:20], OBJECTS[28:36, 24:34] = 300, 4
OBJECTS[:5, :5] = 0


def test_touching_objects_get_a_ridge_of_one_pixel():
    classes = classes_of(OBJECTS)
    assert (classes[10:20, 19] == 1).all()
    assert (classes[10:20, 18] == 2).all()
    assert (classes[10:20, 20] == 2).all()
    assert label(classes == 2, connectivity=2).max() == 4
    assert (classes[:5, :5] == 0).all()
    assert (classes == 2).sum() == (OBJECTS > 1).sum() - 10


def test_corners_that_touch_are_kept_apart_too():
    falling = np.array([[2, 1], [1, 3]])
    assert label(classes_of(falling) == 2, connectivity=2).max() == 1
    assert classes_of(falling).tolist() == [[1, 1], [1, 2]]
    rising = np.array([[1, 2], [3, 1]])
    assert classes_of(rising).tolist() == [[1, 1], [2, 1]]


def test_random_maps_never_join_objects():
    rng = np.random.default_rng(0)
    for _ in range(20):
        objects = rng.integers(0, 5, (6, 6)).repeat(4, axis=0).repeat(4, axis=1)
        classes = classes_of(objects)
        regions = label(classes == 2, connectivity=2)
        for number in range(1, regions.max() + 1):
            assert len(np.unique(objects[regions == number])) == 1


def test_the_2015_weights_are_equation_2():
    classes, weights = weights_of(OBJECTS, PRESETS["2015"])
    counts = np.bincount(classes.ravel())
    balance = counts[1:].sum() / 2 / counts[1:]
    assert weights[12, 12] == pytest.approx(balance[1], rel=1e-5)
    assert weights[15, 19] == pytest.approx(balance[0] + 10 * math.exp(-(2**2) / 50), rel=1e-5)
    between = 10 * math.exp(-((2 + 3) ** 2) / 50)  # two px from one, three from the other
    assert weights[32, 21] == pytest.approx(balance[0] + between, rel=1e-5)
    assert (weights[:5, :5] == 0).all()
    extra = np.where(classes == 1, weights - balance[0], 0)
    assert np.allclose(extra, border_weights(classes, 10, 5), atol=1e-4)


def test_the_2019_weights():
    _, weights = weights_of(OBJECTS, PRESETS["2019"])
    assert weights[12, 12] == 1
    near = 0.1 + 0.9 * math.exp(-(1**2) / 200)
    assert weights[15, 19] == pytest.approx(near + 50 * math.exp(-(2**2) / 72), rel=1e-5)
    assert weights[5, 59] == pytest.approx(0.1, abs=0.02)
    assert (weights[:5, :5] == 0).all()


def test_objects_that_touch_are_told_apart_by_their_ids():
    """Their class alone would make them one object, with no border between."""
    one = weights_of(np.where(OBJECTS == 7, 2, OBJECTS), Borders(10, 5))[1]
    two = weights_of(OBJECTS, Borders(10, 5))[1]
    assert two[15, 19] > one[15, 19] + 5


def test_nothing_but_background():
    classes, weights = weights_of(np.ones((8, 8), int), PRESETS["2019"])
    assert (classes == 1).all()
    assert np.allclose(weights, 0.1)
