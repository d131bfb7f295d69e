"""The networks on offer, how each starts and how each is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec
import torch
from torch import Tensor

from napari_unet.core.model import Model, build, bundled
from napari_unet.core.settings import GENTLE, PAPER, Training
from napari_unet.core.unet import UNet
from napari_unet.core.volume import inflated, levels_across


@dataclass(frozen=True)
class Preset:
    """Shape of a network and the optimiser that suits it.

    Attributes
    ----------
    width : channels of the first level.
    norm : batch norm, frozen while fine-tuning and folded at prediction.
    dropout : rate at the end of the contracting path.
    side : channels that each deeper level hands on to the last layer.
    local : the last layer also sees features of the image itself.
    paper : train as the paper does: SGD of momentum 0.99, one tile of 388 px a step.
    """

    width: int
    norm: bool
    dropout: float
    side: int
    local: bool
    paper: bool

    def build(self, channels: int, classes: int, across: int = 0) -> UNet:
        """A new network with He-initialised weights; for volumes if it looks `across` slices."""
        return UNet(
            channels, classes,
            width=self.width, norm=self.norm, dropout=self.dropout, side=self.side,
            local=self.local, axes=3 if across else 2, across=across,
        )  # fmt: skip

    def adapted(self, training: Training) -> Training:
        """The training settings, with the paper's one large tile a step where that is wanted."""
        if not self.paper:
            return training
        return msgspec.structs.replace(training, **PAPER)

    def optimiser(self, net: UNet, rate: float) -> torch.optim.Optimizer:
        """SGD as in section 3, or AdamW, gentler where the weights come from a training."""
        if self.paper:
            return torch.optim.SGD(net.parameters(), lr=rate, momentum=0.99)
        gentle = rate * GENTLE if net.pretrained else rate
        return torch.optim.AdamW(net.parameters(), lr=gentle, weight_decay=1e-4)


PRESETS: dict[Literal["compact", "paper"], Preset] = {
    "compact": Preset(width=24, norm=True, dropout=0.0, side=16, local=True, paper=False),
    "paper": Preset(width=64, norm=False, dropout=0.5, side=0, local=False, paper=True),
}


def start(
    name: Literal["compact", "paper"],
    channels: int,
    classes: int,
    init: Model | Literal["bundled", "random"] = "bundled",
    anisotropy: float | None = None,
) -> UNet:
    """A network to begin with: bundled, random (He) or a model's weights.

    Pre-trained weights are fitted to the number of channels; the last layer starts at zero
    unless `init` is a model with the same number of classes. With an `anisotropy` (px between
    slices) the network is one for volumes, for which 2-D weights are `inflated`.
    """
    source = bundled(name) if init == "bundled" else init
    across = 0 if anisotropy is None else levels_across(anisotropy)
    if not isinstance(source, Model):
        net = PRESETS[name].build(channels, classes, across)
        net.anisotropy = anisotropy or 1.0
        return net
    shape = msgspec.structs.replace(source.header.shape, in_channels=channels, classes=classes)
    if init == "bundled":  # pre-training knows nothing of the local features' use
        shape = msgspec.structs.replace(shape, local=PRESETS[name].local)
    if across and shape.axes == 2:
        shape = msgspec.structs.replace(shape, axes=3, across=min(across, shape.depth + 1))
    net = build(shape)
    net.anisotropy = anisotropy or source.header.anisotropy
    state = inflated(source.net.state_dict(), net.state_dict())
    net.dropout.p = PRESETS[name].dropout
    state["down.0.0.weight"] = _for_channels(state["down.0.0.weight"], channels)
    if len(state["head.bias"]) != classes:
        state["head.weight"] = torch.zeros_like(net.head.weight)
        state["head.bias"] = torch.zeros_like(net.head.bias)
    if net.local_head is not None:
        near = torch.zeros_like(net.local_head.weight)
        known = state.get("local_head.weight")
        state["local_head.weight"] = near if known is None or known.shape != near.shape else known
    net.load_state_dict(state)
    net.pretrained = source.net.pretrained
    net.adapted = net.adapted or isinstance(init, Model)
    return net


def _for_channels(weight: Tensor, channels: int) -> Tensor:
    """First-layer weights (O, I, 3, 3) for another number of channels, same mean response.

    A grey image is to the result what it is to the original in all channels alike; further
    channels take the colours' weights in turn.
    """
    inputs = weight.shape[1]
    if channels == inputs:
        return weight
    taken = weight[:, [i % inputs for i in range(channels)]] * (inputs / channels)
    missing = weight.sum(1, keepdim=True) - taken.sum(1, keepdim=True)
    return taken + missing / channels
