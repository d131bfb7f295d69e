"""A trained network as other programs run it: grey values in, probabilities out, the same size.

All that prediction does here is in the graph: mirroring at the edges, the pooling grid, the four
mirror images and, if wanted, the robust normalisation. So nothing is left to get wrong.
"""

from __future__ import annotations

import io
from typing import Any

import torch
from torch import Tensor, nn

from napari_unet.core.image import LIMIT, SAMPLE, TAIL
from napari_unet.core.orientations import MIRRORS, SEVEN, Orientation
from napari_unet.core.tracing import quietly, traced
from napari_unet.core.unet import UNet

OPSET = 17
INPUT, OUTPUT = "image", "probabilities"


class Packaged(nn.Module):
    """A network around which nothing is needed.

    Parameters
    ----------
    net : UNet
        Copied and folded.
    mirrors : bool
        Take the mean over four mirror images, or the paper's seven (see `core.orientations`).
    measured : bool
        Measure the grey values and normalise them; else they must come normalised.

    Attributes
    ----------
    halo : int
        Context on each side of an image, in px. It does not count for the measurement.
    step : int
        Tiles whose steps are multiples of it (px) lie on the pooling grid, so they have no seams.
    """

    def __init__(self, net: UNet, *, mirrors: bool, measured: bool) -> None:
        super().__init__()
        self.net = net.folded()
        self.mirrors, self.measured = mirrors, measured
        self.views = (SEVEN if net.original else MIRRORS) if mirrors else (Orientation(),)
        self.grid = net.grid
        self.step = self.grid.stride
        self.halo = -(-self.grid.margin // self.step) * self.step

    def forward(self, images: Tensor) -> Tensor:
        """Probabilities (N, K, Y, X) of images (N, C, Y, X)."""
        if self.measured:
            images = self._normalised(images)
        height, width = _lengths(images)
        wide = images.index_select(2, self._window(height)).index_select(3, self._window(width))
        found = [v.undo(self.net(v.turn(wide)).softmax(1)) for v in self.views]
        total = torch.stack(found).mean(0)
        return total.index_select(2, _span(height)).index_select(3, _span(width))

    def _window(self, length: Tensor) -> Tensor:
        """What the network must see to cover `length` px, as indices mirrored into the image."""
        stride, margin = self.step, self.grid.margin
        first = self.grid.cover(1)
        steps = torch.div(
            torch.clamp(length - first, min=0) + stride - 1, stride, rounding_mode="floor"
        )
        index = torch.abs(_span(steps * stride + first + 2 * margin) - margin)
        period = torch.clamp(2 * (length - 1), min=1)
        folded = torch.remainder(index, period)
        return torch.minimum(folded, period - folded) * (length > 1)

    def _normalised(self, images: Tensor) -> Tensor:
        """As `core.image.measure` and `Normalisation.apply` do, the halo left out."""
        height, width = _lengths(images)
        inner = (height - 2 * self.halo) * (width - 2 * self.halo)
        step = torch.clamp(torch.round((inner / SAMPLE) ** 0.5), min=1).long()
        rows = _span(height - self.halo, self.halo, step)
        columns = _span(width - self.halo, self.halo, step)
        values = images.index_select(2, rows).index_select(3, columns).double().flatten(2)
        ordered = values.sort(2).values
        low, high = _quantile(ordered, TAIL / 100), _quantile(ordered, 1 - TAIL / 100)
        cut = torch.where(high > low, values.minimum(high).maximum(low), values)
        mean = cut.mean(2, keepdim=True)
        deviation = ((cut - mean) ** 2).mean(2, keepdim=True).sqrt()
        deviation = torch.where(deviation > 0, deviation, torch.ones_like(deviation))
        mean, deviation = (value.float().unsqueeze(3) for value in (mean, deviation))
        return ((images - mean) / deviation).clamp(-LIMIT, LIMIT)


def _lengths(values: Tensor) -> Tensor:
    """The spatial shape; numbers from `shape` would be written into the graph."""
    return torch._shape_as_tensor(values)[2:]  # noqa: SLF001 - there is no public name


def _span(stop: Tensor, start: int = 0, step: Tensor | int = 1) -> Tensor:
    """Whole numbers up to one that is known when the network runs."""
    arange: Any = torch.arange  # takes tensors, too, which its types do not tell
    found: Tensor = arange(start, stop, step)
    return found


def _quantile(ordered: Tensor, share: float) -> Tensor:
    """A quantile of sorted values (N, C, n), by linear interpolation: (N, C, 1)."""
    place = (_lengths(ordered) - 1) * torch.tensor(share, dtype=torch.float64)
    below, above = place.floor().long(), place.ceil().long()
    lower, upper = ordered.index_select(2, below), ordered.index_select(2, above)
    return lower + (upper - lower) * (place - place.floor())


def torchscript(network: Packaged, example: Tensor) -> bytes:
    """The network as TorchScript; `example` is an image (1, C, Y, X) as it will see."""
    buffer = io.BytesIO()
    with quietly():
        torch.jit.save(traced(network, example), buffer)
    return buffer.getvalue()


def onnx(network: Packaged, example: Tensor) -> bytes:
    """The network as ONNX, for images and batches of any size."""
    file: Any = io.BytesIO()  # or a path, its types say
    sizes = {0: "batch", 2: "y", 3: "x"}
    with quietly():
        # the newer exporter cannot follow sizes that are worked out in the graph
        torch.onnx.export(
            traced(network, example), (example,), file,
            input_names=[INPUT], output_names=[OUTPUT], opset_version=OPSET, dynamo=False,
            dynamic_axes={INPUT: sizes, OUTPUT: sizes},
        )  # fmt: skip
    data: bytes = file.getvalue()
    return data
