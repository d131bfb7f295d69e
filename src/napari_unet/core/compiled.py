"""A network compiled by OpenVINO, a library for CPUs that need not be installed."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from napari_unet.core.device import Device
from napari_unet.core.tracing import traced
from napari_unet.core.unet import UNet

_PRECISIONS = {torch.float32: "f32", torch.bfloat16: "bf16"}
_MESSENGER = "openvino_telemetry"


def available() -> bool:
    """Whether OpenVINO is installed; to import it takes a while."""
    return find_spec("openvino") is not None


class Compiled:
    """A network that takes standardised images of one size, and gives logits.

    Parameters
    ----------
    net : UNet
        Folded, in float32.
    size : (Y, X)
        Of the images, in px.
    device : Device
        The CPU; its threads and its precision are taken over.
    """

    def __init__(self, net: UNet, size: Sequence[int], device: Device) -> None:
        openvino = library()
        small = net.valid_input_size((1, 1))  # its graph is that of any size, and takes no time
        graph = openvino.convert_model(traced(net, torch.zeros(1, net.in_channels, *small)))
        graph.reshape([1, net.in_channels, *size])
        hints = {
            "INFERENCE_NUM_THREADS": device.threads,
            "INFERENCE_PRECISION_HINT": _PRECISIONS[device.precision],
            "ENABLE_CPU_PINNING": False,  # else it waits for cores that others keep busy
        }
        self._run = openvino.Core().compile_model(graph, "CPU", hints)

    def __call__(self, images: Tensor) -> Tensor:
        """Logits (1, K, *output) float32 of an image (1, C, Y, X) float32."""
        return torch.from_numpy(self._run(images.contiguous().numpy())[0])


def library() -> Any:  # noqa: ANN401 - it is optional and not typed
    """OpenVINO."""
    with _unheard():
        import openvino
    return openvino


@contextmanager
def _unheard() -> Iterator[None]:
    """Without the messenger by which OpenVINO tells its makers that it was imported.

    It does not ask before, and nothing else in this program talks to the network unasked.
    """
    there = _MESSENGER in sys.modules
    if not there:
        sys.modules[_MESSENGER] = None  # type: ignore[assignment] # then it is not found
    try:
        yield
    finally:
        if not there:
            del sys.modules[_MESSENGER]
