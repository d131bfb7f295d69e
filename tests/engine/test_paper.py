"""The preset `paper` from paint to labels, with the network of 2015 as it is."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_unet import load, train
from napari_unet.core.device import Device
from napari_unet.core.methods import paragraph
from napari_unet.core.orientations import SEVEN, Orientation
from napari_unet.core.prediction import Predictor
from napari_unet.core.settings import Compute, Settings, changed
from napari_unet.engine.messages import Trained


@pytest.fixture
def turned(monkeypatch):
    """In which orientations images were predicted."""
    seen, turn = set(), Orientation.turn
    monkeypatch.setattr(
        Orientation, "turn", lambda self, images: seen.add(self) or turn(self, images)
    )
    return seen


def test_the_paper_s_network_is_trained_saved_and_told_of(toy, turned, tmp_path):
    case, heard = toy(size=200), []
    model = train(
        [case.image], [case.paint], classes=("background", "disk"), steps=2, init="random",
        settings=changed(Settings(), "network", preset="paper"), report=heard.append,
    )  # fmt: skip
    assert sum(p.numel() for p in model.net.parameters()) == 31_030_658
    assert [event.step for event in heard if isinstance(event, Trained)] == [1, 2]
    assert np.isfinite([event.loss for event in heard if isinstance(event, Trained)]).all()

    assert Predictor(model.net, Device("cpu", torch.float32, 1)).orientations == SEVEN
    turned.clear()
    pinned = Compute(precision="fp32")  # else what is faster here is compared with it first
    corner = case.image[:100, :100]
    labels = model.segment(corner, compute=pinned)
    assert turned == set(SEVEN)
    assert labels.shape == corner.shape
    assert 1 <= labels.min() <= labels.max() <= 2
    path = tmp_path / "paper.safetensors"
    model.save(path)
    again = load(path)
    assert np.array_equal(again.segment(corner, compute=pinned), labels)

    text = paragraph(again.header)
    for words in (
        "depth 4, 64 channels at the first level, unpadded convolutions",
        "began from random weights",
        "trained for 2 steps of 1 patch (stochastic gradient descent with a momentum of 0.99",
        "Patches of 388 × 388 pixels",
        "up to 10 more (σ = 5 px)",
        "over the first 20 steps",
        "none of which is part of the training of 2015",
        "No weights that came from the steps were kept",  # two are too few to be judged
        "the mean over seven orientations",
    ):
        assert words in text, words
    assert "Unpainted pixels" not in text
