"""Fine-tuning of one network: gradient steps and the running mean of its weights."""

from __future__ import annotations

import copy
import math
from typing import Any, cast

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from napari_unet.core.agreement import Teacher
from napari_unet.core.device import Device
from napari_unet.core.loss import agreement_loss, partial_loss
from napari_unet.core.patches import Batch, Patches
from napari_unet.core.presets import PRESETS
from napari_unet.core.settings import LONGEST, WARM_UP, Settings
from napari_unet.core.tilewise import memory_ran_out
from napari_unet.core.unet import UNet


class Tuner:
    """Trains a copy of a network.

    Parameters
    ----------
    start : UNet
    settings : Settings
    device : Device
    pace : float
        Factor of the learning rate.

    Attributes
    ----------
    net : what is being trained
    steps : how many it has taken
    spent : share of a known budget that is used up, 0…1; the learning rate falls with it to zero.
    """

    def __init__(self, start: UNet, settings: Settings, device: Device, pace: float = 1.0) -> None:
        preset = PRESETS[settings.network.preset]
        self._device, self.steps, self.spent = device, 0, 0.0
        self._pull = preset.adapted(settings.training).agreement
        self.net = device.put(copy.deepcopy(start)).train().requires_grad_()
        _freeze_statistics(self.net)
        running_mean = get_ema_multi_avg_fn(settings.training.averaging)  # type: ignore[no-untyped-call]
        self._average = AveragedModel(self.net, multi_avg_fn=running_mean)
        self._optimiser = preset.optimiser(self.net, settings.training.learning_rate * pace)
        self._rates = [group["lr"] for group in self._optimiser.param_groups]

    @property
    def averaged(self) -> UNet:
        """The running mean of the weights: what predicts, if it does not do worse."""
        return cast("UNet", self._average.module)

    @property
    def finite(self) -> bool:
        """Whether no averaged weight is infinite or not a number."""
        return all(bool(p.isfinite().all()) for p in self.averaged.parameters())

    def state(self) -> dict[str, Any]:
        """Weights, their mean and the optimiser's memory: what `restore` goes on from."""
        return {
            "net": self.net.state_dict(),
            "average": self._average.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "steps": self.steps,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` gave."""
        self.net.load_state_dict(state["net"])
        self._average.load_state_dict(state["average"])
        self._optimiser.load_state_dict(state["optimiser"])
        self.steps = state["steps"]

    def step_on(self, patches: Patches, generator: torch.Generator, teacher: Teacher) -> float:
        """Learn from the next batch of patches; where memory runs out, batches become smaller."""
        loss = None
        while loss is None:  # what a failed step held is freed before the next one
            try:
                loss = self.step(patches.draw(generator, self._device), teacher)
            except (RuntimeError, MemoryError) as error:
                if not memory_ran_out(error) or not patches.lighten():
                    raise
        return loss

    def step(self, batch: Batch, teacher: Teacher) -> float:
        """Learn from one batch; returns the loss before."""
        with self._device.precise():
            logits = self.net(batch.images)
        logits = logits.float()
        loss = partial_loss(logits, batch.labels, batch.weights)
        if self._pull > 0:
            target = teacher.read(batch.windows).to(self._device.name)
            loss = loss + self._pull * agreement_loss(logits, target, batch.labels)
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.net.parameters(), LONGEST)
        pace = min(1.0, (self.steps + 1) / WARM_UP) * falling(self.spent)
        for group, rate in zip(self._optimiser.param_groups, self._rates, strict=True):
            group["lr"] = rate * pace
        self._optimiser.step()
        self._average.update_parameters(self.net)
        self.steps += 1
        return float(loss.detach())


def falling(spent: float) -> float:
    """Factor of the learning rate: half a cosine (Loshchilov & Hutter 2017, arXiv 1608.03983)."""
    return (1 + math.cos(math.pi * min(max(spent, 0.0), 1.0))) / 2


def _freeze_statistics(net: nn.Module) -> None:
    """Batch norm keeps its pre-trained statistics: a few patches know no better ones."""
    for module in net.modules():
        if isinstance(module, (nn.BatchNorm2d, nn.BatchNorm3d)):
            module.eval()
