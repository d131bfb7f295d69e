from __future__ import annotations

import logging

import numpy as np
import pytest
import torch

from napari_unet.core import precision
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
    monkeypatch.setattr(precision, "_agreement", lambda *_: share)


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


def test_labels_are_really_compared(net):
    exact = Device("cpu", torch.float32, 1)
    one, other = (Predictor(n, exact) for n in (net, UNet(1, 2, width=4, depth=2).eval()))
    assert precision._agreement(one, one, 1) == 1
    assert precision._agreement(one, other, 1) < 0.99


def test_a_model_keeps_what_it_looked_for_once(net, monkeypatch):
    differ(monkeypatch, 0.0)
    model = Model.of(net, ("a", "b"), Settings())
    first = model.predictor(FAST)
    assert first.device.precision == torch.float32
    assert model.predictor(FAST) is first
    assert np.isfinite(first.bias.numpy()).all()
