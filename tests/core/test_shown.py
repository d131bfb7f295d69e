from __future__ import annotations

import numpy as np
import torch

from napari_unet.core.head import NEVER
from napari_unet.core.shown import Shown


def counts(*painted):
    return np.bincount(painted, minlength=256)


def test_what_is_shown_is_a_copy(small_net, cpu):
    net = small_net(1, 2)
    shown = Shown(net, cpu)
    with torch.no_grad():
        net.head.bias.fill_(7)
    assert not (shown.net.head.bias == 7).any()
    shown.replace(net)
    assert (shown.net.head.bias == 7).all()
    assert (shown.predictor.bias == 7).all()


def test_another_last_layer_is_the_predictors_and_the_networks(small_net, cpu):
    shown = Shown(small_net(1, 2), cpu)
    weight = torch.ones_like(shown.predictor.weight)
    shown.set_head(weight, torch.tensor([1.0, 2.0]))
    assert shown.net.head.bias.tolist() == shown.predictor.bias.tolist() == [1, 2]
    assert (shown.net.head.weight == 1).all()


def test_it_knows_more_where_a_class_that_is_not_painted_can_win(small_net, cpu):
    shown = Shown(small_net(1, 3), cpu)
    weight = torch.zeros_like(shown.predictor.weight)
    shown.set_head(weight, torch.tensor([0.0, 0.0, float(NEVER)]))
    assert not shown.knows_more(counts(1, 2))
    shown.set_head(weight, torch.zeros(3))
    assert shown.knows_more(counts(1, 2))
    assert not shown.knows_more(counts(1, 2, 3))
