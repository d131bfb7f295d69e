"""A device whose results do not depend on the machine, a small network, and its trainer."""

from __future__ import annotations

import pytest
import torch

from napari_unet.core.annotations import Annotations
from napari_unet.core.device import Device
from napari_unet.core.training import Trainer
from napari_unet.core.unet import UNet
from trained import quick


@pytest.fixture
def cpu():
    torch.set_num_threads(1)  # two that wait for each other on a busy machine are far slower
    return Device("cpu", torch.float32, 1)


@pytest.fixture
def small_net():
    """A network of margin 20 px and stride 4 px with seeded weights."""

    def make(channels=1, classes=2, *, norm=True, seed=0, width=4, depth=2):
        torch.manual_seed(seed)
        net = UNet(channels, classes, width=width, depth=depth, norm=norm, dropout=0.0)
        with torch.no_grad():
            for name, buffer in net.named_buffers():
                if name.endswith("running_var"):
                    buffer.uniform_(0.5, 1.5)
                if name.endswith("running_mean"):
                    buffer.normal_(0, 0.1)
            found = net.eval().features(torch.randn(1, channels, *[net.grid.input(9)] * 2))
        assert (found.std((0, 2, 3)) > 0.01).sum() > 1  # enough of it is alive to tell things apart
        return net.train()

    return make


@pytest.fixture
def make(small_net, cpu, toy):
    """A trainer on the toy, with its paint unless told otherwise, that answered unless told so."""

    def make(case=None, *, classes=2, answer=True, net=None, paint=None, **training):
        case = case or toy()
        net = small_net(1, classes, width=8, depth=1) if net is None else net
        trainer = Trainer(net, quick(**training), cpu)
        trainer.open("a", case.picture)
        trainer.annotate("a", Annotations.of(case.paint if paint is None else paint))
        if answer:
            trainer.answer()
        return trainer

    return make
