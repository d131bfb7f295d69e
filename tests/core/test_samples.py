from __future__ import annotations

import socket

import numpy as np
import pytest

from napari_unet.core.annotations import Annotations, check_shapes, check_trainable
from napari_unet.core.samples import (
    floating_cell,
    paint,
    stained_tissue,
    touching_cells,
    vessels,
)

SAMPLES = [stained_tissue, floating_cell, vessels, touching_cells]


@pytest.mark.parametrize("make", SAMPLES)
def test_a_sample_can_be_trained_on_without_network(make, monkeypatch):
    def refused(*args):
        raise AssertionError("a sample asked for the network")

    monkeypatch.setattr(socket.socket, "connect", refused)
    sample = make()
    assert sample.image.dtype == np.uint8
    assert sample.strokes.dtype == np.uint8
    check_shapes(sample.strokes.shape, sample.image.shape[:2])
    paint = Annotations.of(sample.strokes)
    check_trainable(paint.counts)
    assert set(np.flatnonzero(paint.counts)) == set(range(1, len(sample.classes) + 1))
    assert np.count_nonzero(sample.strokes) < 0.05 * sample.strokes.size  # strokes, not masks


@pytest.mark.parametrize("make", SAMPLES)
def test_a_sample_is_the_same_each_time(make):
    first, second = make(), make()
    assert (first.image == second.image).all()
    assert (first.strokes == second.strokes).all()


def mean_of(sample, number):
    return sample.image[sample.strokes == number].mean(axis=0)


def test_strokes_lie_where_their_class_looks_as_it_should():
    tissue = stained_tissue()
    empty, stroma, gland = (mean_of(tissue, n) for n in (1, 2, 3))
    assert empty.min() > 210  # white
    assert stroma[2] > stroma[0]  # bluish
    assert gland[0] > gland[2] + 30  # brown
    cell = floating_cell()
    assert cell.image[cell.strokes == 2].min() > 120 > cell.image[cell.strokes == 1].max()
    eye = vessels()
    assert mean_of(eye, 2)[1] < mean_of(eye, 1)[1] - 10  # vessels hold back green light


def test_strokes_on_drawn_cells_agree_with_the_truth():
    sample = touching_cells()
    painted = sample.strokes > 0
    assert (sample.strokes[painted] == sample.truth[painted]).all()
    assert set(np.unique(sample.truth)) == {1, 2}
    assert 0.3 < (sample.truth == 2).mean() < 0.8


def test_paint_draws_with_a_round_pen():
    strokes = paint((20, 30), ((((5, 5), (5, 20)),), (((15, 10), (15, 10)),)), radius=2)
    assert strokes[5, 5:21].tolist() == [1] * 16
    assert strokes[3, 10] == strokes[7, 10] == 1
    assert strokes[2, 10] == strokes[8, 10] == 0
    assert (strokes == 2).sum() == 13  # a disk of radius 2
