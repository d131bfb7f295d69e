from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_unet.core import precision
from napari_unet.core.accelerated import Accelerated
from napari_unet.core.device import Device
from napari_unet.core.model import Model
from napari_unet.core.precision import predictor_for
from napari_unet.core.prediction import Predictor
from napari_unet.core.settings import Settings
from napari_unet.core.unet import UNet

FAST = Device("cpu", torch.bfloat16, 1, pinned=False)


@pytest.fixture
def net():
    torch.manual_seed(0)
    return UNet(1, 2, width=4, depth=2).eval()


def differ(monkeypatch, share):
    monkeypatch.setattr(precision, "agreement", lambda *_: share)


@pytest.mark.parametrize(("share", "used"), [(0.9995, torch.bfloat16), (0.99, torch.float32)])
def test_the_faster_precision_must_keep_the_labels(net, monkeypatch, caplog, share, used):
    differ(monkeypatch, share)
    with caplog.at_level(logging.INFO, "napari_unet"):
        assert predictor_for(net, FAST).device.precision == used
    assert f"keeps {100 * share:.3f} % of the labels" in caplog.text
    assert ("float32 is used" in caplog.text) == (used == torch.float32)


def test_a_precision_that_was_asked_for_is_kept(net, monkeypatch):
    differ(monkeypatch, 0.0)
    pinned = Device("cpu", torch.bfloat16, 1, pinned=True)
    assert predictor_for(net, pinned).device == pinned


def test_volumes_are_compared_too(monkeypatch):
    torch.manual_seed(0)
    net = UNet(1, 2, width=4, depth=2, axes=3, across=1).eval()
    assert predictor_for(net, FAST).device.precision in (torch.bfloat16, torch.float32)
    looked = []
    monkeypatch.setattr(precision, "agreement", lambda *args: looked.append(args[2].shape) or 0)
    assert predictor_for(net, FAST).device.precision == torch.float32
    assert looked == [(3, 256, 256)]


def test_a_model_keeps_what_it_looked_for_once(net, monkeypatch):
    differ(monkeypatch, 0.0)
    model = Model.of(net, ("a", "b"), Settings())
    first = model.predictor(FAST)
    assert first.device.precision == torch.float32
    assert model.predictor(FAST) is first
    assert np.isfinite(first.bias.numpy()).all()


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("allowed", [True, False])
@pytest.mark.parametrize("axes", [2, 3])
def test_another_library_may_predict_planes_where_it_is_there_and_allowed(
    monkeypatch, there, allowed, axes
):
    monkeypatch.setattr(precision, "available", lambda: there)
    net = UNet(1, 2, width=4, depth=2, axes=axes, across=axes - 2).eval()
    device = Device("cpu", torch.float32, 1, pinned=False, accelerate=allowed)
    wanted = Accelerated if there and allowed and axes == 2 else Predictor
    assert type(predictor_for(net, device)) is wanted


@pytest.mark.parametrize("share", [1.0, 0.0])
def test_it_may_do_so_in_either_precision(net, monkeypatch, share):
    monkeypatch.setattr(precision, "available", lambda: True)
    differ(monkeypatch, share)
    assert type(predictor_for(net, replace(FAST, accelerate=True))) is Accelerated
