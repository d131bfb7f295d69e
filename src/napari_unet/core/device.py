"""Where and how to compute: the one module that knows devices, precision and threads."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import TypeVar

import psutil
import torch
from torch import Tensor, nn

from napari_unet.core.settings import Compute

Net = TypeVar("Net", bound=nn.Module)
_PINNED = {"fp32": torch.float32, "bf16": torch.bfloat16}
_log = logging.getLogger(__name__)
_LAYOUTS = {4: torch.channels_last, 5: torch.channels_last_3d}
_WORTH_IT = 1.25  # bfloat16 must be this much faster than float32 to be used on a CPU


class DeviceError(ValueError):
    """A device that this machine does not have; the message says what to choose."""


@dataclass(frozen=True)
class Device:
    """A device, and the precision to compute with on it.

    Attributes
    ----------
    name : "cpu", "cuda" or "mps"
    precision : dtype of activations; weights are always trained in float32.
    threads : CPU threads.
    pinned : the precision was asked for, and must be kept.
    accelerate : another library may predict, where it is faster (see `core.accelerated`).
    """

    name: str
    precision: torch.dtype
    threads: int
    pinned: bool = True
    accelerate: bool = field(default=False, compare=False)  # nothing is trained in another way

    def put(self, net: Net) -> Net:
        """Move a network here, in the memory layout that its convolutions like best."""
        most = max((weight.ndim for weight in net.parameters()), default=4)
        layout = _LAYOUTS.get(most, torch.channels_last)
        moved: Net = net.to(self.name).to(memory_format=layout)  # type: ignore[call-overload]
        return moved

    def tensor(self, images: Tensor) -> Tensor:
        """Move (N, C, Y, X) images or (N, C, Z, Y, X) volumes here, in the same layout."""
        return images.to(self.name).contiguous(memory_format=_LAYOUTS[images.ndim])

    @contextmanager
    def precise(self) -> Iterator[None]:
        """Compute convolutions in this device's precision."""
        mixed = self.precision != torch.float32
        with torch.autocast(self.name, self.precision, enabled=mixed):
            yield

    @property
    def free(self) -> int:
        """Bytes of memory that are free here, what PyTorch keeps for later use included."""
        if self.name != "cuda":  # an Apple GPU shares the machine's memory
            return int(psutil.virtual_memory().available)
        kept = torch.cuda.memory_reserved() - torch.cuda.memory_allocated()
        return int(torch.cuda.mem_get_info()[0]) + kept

    @property
    def said(self) -> str:
        """The precision in words."""
        return str(self.precision).removeprefix("torch.")


def choose(compute: Compute, *, spare: int = 1) -> Device:
    """Pick the device, the precision and the threads; also sets torch's threads.

    Where the settings do not pin the precision, it is the one that is fastest here; it rounds
    labels differently on few pixels, and `precision` looks how few.

    Parameters
    ----------
    compute : Compute
    spare : int
        CPU cores left to others (the window) when the settings do not fix the threads.

    Raises
    ------
    DeviceError
        If the settings ask for a device that is not there.
    """
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if compute.device == "auto":
        name = next(name for name, found in there.items() if found)
    elif there[compute.device]:
        name = compute.device
    else:
        raise DeviceError(
            f"There is no {compute.device} device on this machine: choose auto or cpu."
        )
    threads = compute.threads or max(1, cores() - spare)
    torch.set_num_threads(threads)
    pinned = compute.precision in _PINNED
    precision = _PINNED[compute.precision] if pinned else _precision(name)
    accelerate = compute.accelerate and name == "cpu" and not pinned
    device = Device(name, precision, threads, pinned, accelerate)
    _tell(device)
    return device


@cache
def _tell(device: Device) -> None:
    """Log a choice, once."""
    _log.info("computing on %s in %s with %d threads", device.name, device.said, device.threads)


def cores() -> int:
    """CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def _precision(name: str) -> torch.dtype:
    """The fastest precision; measured on a CPU, once a process."""
    if name == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    if name == "mps":
        return torch.float32
    plain, half = (_seconds(dtype) for dtype in (torch.float32, torch.bfloat16))
    return torch.bfloat16 if plain > _WORTH_IT * half else torch.float32


def _seconds(dtype: torch.dtype) -> float:
    """Best of a few timed convolutions of the size that the compact network has most of."""
    device = Device("cpu", dtype, 0)
    layer = device.put(nn.Conv2d(48, 48, 3).to(dtype))
    image = device.tensor(torch.ones(1, 48, 160, 160, dtype=dtype))
    best = float("inf")
    with torch.inference_mode():
        for _ in range(4):
            start = time.perf_counter()
            layer(image)
            best = min(best, time.perf_counter() - start)
    return best
