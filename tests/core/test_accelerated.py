"""Mostly with a stand-in, so that OpenVINO need not be installed."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from math import prod
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from napari_unet.core import accelerated as module
from napari_unet.core.accelerated import Accelerated
from napari_unet.core.image import Picture
from napari_unet.core.prediction import Predictor

TRIED = 2  # tiles: one to time it, one to compare


def picture_of(shape=(30, 30), seed=0):
    return Picture.of(np.random.default_rng(seed).normal(50, 10, (1, *shape)))


def labels_of(predictor, picture, *, mirrored=False):
    whole = np.zeros(picture.shape, np.uint8)
    for tile, found in predictor.segment(picture, mirrored=mirrored):
        whole[tile.write] = found
    return whole


@pytest.fixture
def library(monkeypatch):
    """A library that does what PyTorch does, counts how often, and can be told to do worse."""
    library = SimpleNamespace(sizes=[], asked=0, fault=None, wrong=False, times=2.0)

    class Compiled:
        def __init__(self, net, size, device):
            if library.fault == "compiling":
                raise RuntimeError("no such instruction")
            library.sizes.append(tuple(size))
            self.net = net

        def __call__(self, images):
            library.asked += 1
            if library.fault == "predicting":
                raise MemoryError("std::bad_alloc")
            with torch.inference_mode():
                found = self.net(images)
            return -found if library.wrong else found

    monkeypatch.setattr(module, "Compiled", Compiled)

    def times_as_fast(network, _, images):
        network(images)
        return library.times

    monkeypatch.setattr(module, "_times_as_fast", times_as_fast)
    monkeypatch.setattr(module, "_PAYS", 1)
    return library


@pytest.fixture
def pair(small_net, cpu):
    """The same network with and without the library."""

    def make(**shape):
        net = small_net(1, 3, **shape)
        return Accelerated(net, cpu), Predictor(net, cpu)

    return make


def read(predictor, picture):
    """Pixels that the first of a picture's tiles reads."""
    return prod(w.stop - w.start for w in predictor.tiles(picture)[0].read)


@pytest.mark.parametrize("mirrored", [True, False])
def test_it_says_the_same(library, pair, mirrored):
    (fast, plain), picture = pair(), picture_of()
    wanted = labels_of(plain, picture, mirrored=mirrored)
    assert np.array_equal(labels_of(fast, picture, mirrored=mirrored), wanted)
    assert library.asked == TRIED + (4 if mirrored else 1)
    assert library.sizes == [tuple(w.stop - w.start for w in plain.tiles(picture)[0].read)]


def test_probabilities_are_the_same(library, pair):
    (fast, plain), picture = pair(), picture_of()
    ((_, one),) = fast.mean(picture, fast.tiles(picture), mirrored=True)
    ((_, other),) = plain.mean(picture, plain.tiles(picture), mirrored=True)
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_it_is_not_compiled_for_a_little(library, pair, monkeypatch):
    (fast, plain), picture = pair(), picture_of()
    monkeypatch.setattr(module, "_PAYS", 3 * read(plain, picture))
    for expected in (0, 0, TRIED + 1, TRIED + 2):  # the third time there were enough
        labels_of(fast, picture)
        assert library.asked == expected


@pytest.mark.parametrize(("pictures", "mirrored"), [(12, False), (3, True)])
def test_it_is_compiled_at_once_where_much_is_to_come(
    library, pair, monkeypatch, pictures, mirrored
):
    (fast, plain), picture = pair(), picture_of()
    monkeypatch.setattr(module, "_PAYS", 12 * read(plain, picture))
    fast.pictures = pictures - 1
    assert fast.mean(picture, fast.tiles(picture), mirrored=mirrored)
    assert not library.sizes
    fast, _ = pair()
    fast.pictures = pictures
    assert fast.mean(picture, fast.tiles(picture), mirrored=mirrored)
    assert len(library.sizes) == 1


def test_more_threads_need_more_to_do(library, small_net, cpu, monkeypatch):
    fast, picture = Accelerated(small_net(), replace(cpu, threads=2)), picture_of()
    monkeypatch.setattr(module, "_PAYS", read(fast, picture))
    labels_of(fast, picture)
    assert not library.sizes
    labels_of(fast, picture)
    assert len(library.sizes) == 1


@pytest.mark.parametrize(
    ("worse", "told"),
    [
        ({"times": 1.05}, "1.05 times as fast and keeps 100.000 % of the labels: PyTorch is used"),
        ({"wrong": True}, "PyTorch is used"),
        ({"fault": "compiling"}, "cannot be used (no such instruction): PyTorch predicts"),
        ({"fault": "predicting"}, "cannot be used (std::bad_alloc): PyTorch predicts"),
    ],
)
def test_where_it_does_worse_pytorch_predicts(library, pair, caplog, worse, told):
    vars(library).update(worse)
    (fast, plain), picture = pair(), picture_of()
    with caplog.at_level(logging.INFO, "napari_unet"):
        assert np.array_equal(labels_of(fast, picture), labels_of(plain, picture))
    assert told in caplog.text
    asked = library.asked
    labels_of(fast, picture)
    assert library.asked == asked  # it is tried once


def test_what_was_chosen_is_told(library, pair, caplog):
    fast, _ = pair()
    with caplog.at_level(logging.INFO, "napari_unet"):
        labels_of(fast, picture_of())
    assert "2.00 times as fast and keeps 100.000 % of the labels: it is used" in caplog.text


def test_it_may_fail_in_the_middle(library, pair, caplog):
    (fast, plain), picture = pair(), picture_of()
    labels_of(fast, picture)
    library.fault = "predicting"
    assert np.array_equal(labels_of(fast, picture), labels_of(plain, picture))
    assert caplog.text.count("PyTorch goes on") == 1


def test_it_is_compiled_for_two_sizes_at_most(library, pair):
    fast, plain = pair()
    for side in (20, 30, 40, 50):
        picture = picture_of((side, side))
        assert np.array_equal(labels_of(fast, picture), labels_of(plain, picture))
    assert len(library.sizes) == 2


def test_a_size_that_is_turned_is_another_one(library, pair):
    """The paper's seven orientations turn tiles that are not square."""
    (fast, plain), picture = pair(norm=False), picture_of((20, 44))
    wanted = labels_of(plain, picture, mirrored=True)
    assert (labels_of(fast, picture, mirrored=True) == wanted).mean() > 0.999
    assert len(library.sizes) == 1


def test_a_new_last_layer_counts(library, pair):
    (fast, plain), picture = pair(), picture_of()
    labels_of(fast, picture)
    kept = fast.snapshot()
    before = labels_of(plain, picture)
    for each in (fast, plain):
        each.set_head(-plain.weight, -plain.bias)
    after = labels_of(plain, picture)
    assert not np.array_equal(before, after)
    assert np.array_equal(labels_of(fast, picture), after)
    assert len(library.sizes) == 2
    assert np.array_equal(labels_of(kept, picture), before)


def test_both_are_really_timed():
    one, other = (lambda _, seconds=seconds: time.sleep(seconds) for seconds in (0.01, 0.05))
    assert 2 < module._times_as_fast(one, other, torch.zeros(1)) < 6


def test_the_real_library(small_net, cpu, monkeypatch):
    pytest.importorskip("openvino", reason="needs the extra openvino")
    monkeypatch.setattr(module, "_PAYS", 1)
    monkeypatch.setattr(module, "_WORTH_IT", 0)
    net, picture = small_net(1, 3), picture_of((61, 83))
    fast = Accelerated(net, cpu)
    found = labels_of(fast, picture, mirrored=True)
    assert [type(network) for network in fast._compiled.values()] == [module.Compiled]
    assert (found == labels_of(Predictor(net, cpu), picture, mirrored=True)).mean() > 0.999
