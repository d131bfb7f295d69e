"""A network as a graph that other programs read."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


def traced(network: nn.Module, example: Tensor) -> torch.jit.ScriptModule:
    """What a network does with an example, as TorchScript."""
    trace: Any = torch.jit.trace
    with torch.no_grad(), quietly():
        found: torch.jit.ScriptModule = trace(network.eval(), example, check_trace=False)
    return found


@contextmanager
def quietly() -> Iterator[None]:
    """TorchScript and what is made from it are said to be replaced; nothing does as much yet."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
