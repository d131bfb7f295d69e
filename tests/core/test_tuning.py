from __future__ import annotations

import copy

import pytest
import torch

from napari_unet.core.patches import Batch
from napari_unet.core.settings import Settings, changed
from napari_unet.core.tuning import Tuner, falling

SETTINGS = changed(Settings(), "training", agreement=0.0, learning_rate=1e-2)


def batch_of(net, seed):
    generator = torch.Generator().manual_seed(seed)
    size = net.grid.input(8)
    return Batch(
        torch.randn(2, 1, size, size, generator=generator),
        torch.randint(1, 3, (2, 8, 8), generator=generator),
        torch.ones(2, 8, 8),
        (),
    )


def stepped(tuner, seeds, spent=0.0):
    tuner.spent = spent
    return [tuner.step(batch_of(tuner.net, seed), None) for seed in seeds]


def rates(tuner):
    return {group["lr"] for group in tuner._optimiser.param_groups}


def test_the_rate_falls_to_zero_with_the_budget():
    shares = [falling(spent) for spent in (0, 0.25, 0.5, 0.75, 1)]
    assert shares == sorted(shares, reverse=True)
    assert (shares[0], shares[2], shares[-1]) == (1, pytest.approx(0.5), 0)
    assert (falling(-1), falling(3)) == (1, 0)


def test_where_the_budget_is_used_up_nothing_moves(small_net, cpu):
    tuner = Tuner(small_net(), SETTINGS, cpu)
    stepped(tuner, range(25))
    assert list(rates(tuner)) == [pytest.approx(1e-2)]
    before = copy.deepcopy(tuner.net.state_dict())
    stepped(tuner, [3], spent=1.0)
    assert rates(tuner) == {0}
    assert all(torch.equal(before[key], value) for key, value in tuner.net.state_dict().items())


def test_a_stopped_training_goes_on_as_if_it_had_not_been(small_net, cpu, tmp_path):
    whole, first, second = (Tuner(small_net(), SETTINGS, cpu) for _ in range(3))
    losses = stepped(whole, range(6))
    stepped(first, range(3))
    torch.save(first.state(), tmp_path / "state.pt")
    second.restore(torch.load(tmp_path / "state.pt", weights_only=True))
    assert second.steps == 3
    assert stepped(second, range(3, 6)) == losses[3:]
    for one, two in ((whole.net, second.net), (whole.averaged, second.averaged)):
        assert all(torch.equal(two.state_dict()[k], v) for k, v in one.state_dict().items())
