from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from napari_unet.core.adaptation import adapted
from napari_unet.core.image import Picture


def picture(shape=(90, 120), seed=0):
    return Picture.of(np.random.default_rng(seed).gamma(2, size=(1, *shape)).astype(np.float32))


def statistics(net):
    return {k: v for k, v in net.state_dict().items() if "running" in k}


def test_features_are_standardised_on_the_picture(small_net, cpu):
    """With the picture's own statistics, what each batch norm gives has mean 0 and variance 1."""
    net = adapted(small_net(1, 2, width=4, depth=1), picture(), cpu)
    layer = net.down[0][0](torch.from_numpy(picture().read((slice(0, 90), slice(0, 120))))[None])
    found = net.down[0][1](layer)
    assert found.mean((0, 2, 3)).abs().max() < 0.15
    torch.testing.assert_close(found.var((0, 2, 3)), torch.ones(4), atol=0.2, rtol=0)


def test_only_the_statistics_change_and_the_original_is_left_alone(small_net, cpu):
    net = small_net(1, 2)
    before = {k: v.clone() for k, v in net.state_dict().items()}
    found = adapted(net, picture(), cpu)
    assert found.adapted
    assert not net.adapted
    for key, value in net.state_dict().items():
        assert torch.equal(value, before[key]), key
        if "running" not in key and "tracked" not in key:
            assert torch.equal(found.state_dict()[key], value), key
    assert all(not torch.equal(v, before[k]) for k, v in statistics(found).items())
    assert not any(m.training for m in found.modules() if isinstance(m, nn.BatchNorm2d))


@pytest.mark.parametrize("shape", [(1, 40), (7, 3), (300, 1100)])
@pytest.mark.parametrize("shrink", [1, 2])
def test_any_picture_can_be_measured(small_net, cpu, shape, shrink):
    net = small_net(1, 2)
    net.shrink = shrink
    found = statistics(adapted(net, picture(shape), cpu))
    assert all(v.isfinite().all() for v in found.values())


def test_it_is_the_same_each_time(small_net, cpu):
    net = small_net(1, 2)
    one, two = (statistics(adapted(net, picture(), cpu)) for _ in range(2))
    assert all(torch.equal(one[k], two[k]) for k in one)
