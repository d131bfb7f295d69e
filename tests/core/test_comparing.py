from __future__ import annotations

import pytest
import torch

from napari_unet.core.comparing import agreement, made_up
from napari_unet.core.device import Device
from napari_unet.core.prediction import Predictor
from napari_unet.core.unet import UNet

EXACT = Device("cpu", torch.float32, 1)


@pytest.fixture
def net():
    torch.manual_seed(0)
    return UNet(1, 2, width=4, depth=2).eval()


def test_labels_are_really_compared(net):
    one, other = (Predictor(n, EXACT) for n in (net, UNet(1, 2, width=4, depth=2).eval()))
    picture = made_up(1, (256, 256))
    assert agreement(one, one, picture) == 1
    assert agreement(one, other, picture) < 0.99


def test_tiles_that_memory_cuts_do_not_disturb_the_comparison(net, monkeypatch):
    one, other = (Predictor(net, EXACT) for _ in range(2))
    forward, fails = other.forward, [True]

    def short(images):
        if fails.pop() if fails else False:
            raise MemoryError
        return forward(images)

    monkeypatch.setattr(other, "forward", short)
    assert agreement(one, other, made_up(1, (256, 256))) == 1


def test_what_is_compared_on_is_the_same_each_time_and_of_the_size_asked_for():
    one, other = (made_up(2, (40, 30)) for _ in range(2))
    assert one.shape == (40, 30)
    assert one.channels == 2
    assert (one.raw == other.raw).all()
    assert made_up(1, (3, 40, 30)).shape == (3, 40, 30)
