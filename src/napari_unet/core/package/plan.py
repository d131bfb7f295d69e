"""What it takes to run a model of bioimage.io: sizes, steps, channels, weights."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bioimageio.spec import InvalidDescr, ValidationContext, build_description
from bioimageio.spec.model import v0_5

from napari_unet.core.package import steps
from napari_unet.core.package.archive import Archive, needs_trust
from napari_unet.core.package.errors import PackageError
from napari_unet.core.tiling import Tile, Window

_LONGEST = {True: 1024, False: 4096}  # px of a tile's side at most, if tiles are meant to be
_POINTWISE = ("ensure_dtype", "binarize", "clip", "scale_linear", "sigmoid", "softmax",
              "fixed_zero_mean_unit_variance")  # fmt: skip


@dataclass(frozen=True)
class Side:
    """What a network needs along one axis, in px.

    Attributes
    ----------
    least, step : valid inputs are least + n·step; a step of 0: only that one.
    margin : context on each side of what counts of an output.
    halo : how much of it is in the output, to be cropped.
    concatenable : whether tiles are meant to be.
    """

    least: int
    step: int
    margin: int
    halo: int
    concatenable: bool

    def size(self, length: int) -> int:
        """The input for an image of this length: all of it, or a tile."""
        wanted = length + 2 * self.margin
        if self.step == 0 or wanted <= self.least:
            return self.least
        longest = max(_LONGEST[self.concatenable], self.least + self.step)
        steps_wanted = -(-(wanted - self.least) // self.step)
        return self.least + min(steps_wanted, (longest - self.least) // self.step) * self.step

    def windows(self, length: int) -> list[tuple[slice, slice]]:
        """What tiles write and read along the axis."""
        size = self.size(length)
        stride = size - 2 * self.margin
        starts = range(0, length, stride)
        return [
            (slice(s, min(s + stride, length)), slice(s - self.margin, s - self.margin + size))
            for s in starts
        ]


@dataclass(frozen=True)
class Plan:
    """How to run a model.

    Attributes
    ----------
    weights : "onnx" or "torchscript"
    source : name of the file of weights.
    axes_in, axes_out : letters b, c, y, x in the order of the tensors.
    channels : of images.
    classes : what the channels of the output are called.
    sides : along y and x.
    dtype : of the network's input.
    before, after : steps of processing, with their keyword arguments.
    """

    weights: str
    source: str
    axes_in: str
    axes_out: str
    channels: int
    classes: tuple[str, ...]
    sides: tuple[Side, Side]
    dtype: str
    before: tuple[tuple[str, dict[str, Any]], ...]
    after: tuple[tuple[str, dict[str, Any]], ...]

    def tiles(self, shape: Sequence[int]) -> list[Tile]:
        """The tiles of an image (Y, X)."""
        rows, columns = (side.windows(n) for side, n in zip(self.sides, shape, strict=True))
        return [Tile(_both(a, b, 0), _both(a, b, 1)) for a in rows for b in columns]


def _both(row: tuple[slice, slice], column: tuple[slice, slice], which: int) -> Window:
    return row[which], column[which]


def plan(archive: Archive) -> Plan:
    """Understand a package.

    Raises
    ------
    PackageError
        If it cannot be run here; the message says why.
    """
    raw = archive.description()
    kind = "torchscript" if needs_trust(raw) else "onnx"
    described = _described(raw)
    if len(described.inputs) != 1 or len(described.outputs) != 1:
        raise PackageError(
            f"This model has {len(described.inputs)} inputs and {len(described.outputs)} outputs; "
            "napari-unet runs models with one of each."
        )
    first, last = described.inputs[0], described.outputs[0]
    before, after = _steps(first.preprocessing), _steps(last.postprocessing)
    steps.check([name for name, _ in (*before, *after)])
    _check_pointwise(after)
    sides = (_side(first, last, "y"), _side(first, last, "x"))
    return Plan(
        kind, _source(raw, kind), _letters(first), _letters(last), len(_channels(first)),
        _channels(last), sides, first.dtype, before, after,
    )  # fmt: skip


def _described(raw: dict[str, Any]) -> v0_5.ModelDescr:
    with warnings.catch_warnings(), ValidationContext(perform_io_checks=False):
        warnings.simplefilter("ignore")
        found = build_description(raw, format_version="latest")
    if isinstance(found, InvalidDescr) or not isinstance(found, v0_5.ModelDescr):
        raise PackageError(
            "The package's description does not follow the rules of bioimage.io, so it cannot be "
            "told how to run the model: get a newer version of it."
        )
    return found


def _source(raw: dict[str, Any], kind: str) -> str:
    entry = raw["weights"][kind]
    source = entry.get("source") if isinstance(entry, dict) else None
    if not isinstance(source, str):
        raise PackageError("The package does not say where its weights are: get another copy.")
    return source


def _letters(tensor: v0_5.InputTensorDescr | v0_5.OutputTensorDescr) -> str:
    """The order of a tensor's axes."""
    letters = {"batch": "b", "channel": "c"}
    found = "".join(letters.get(axis.type, str(axis.id)) for axis in tensor.axes)
    if sorted(found.replace("b", "").replace("c", "")) != ["x", "y"] or len(set(found)) < len(
        found
    ):
        raise PackageError(
            f"This model's axes are {', '.join(str(axis.id) for axis in tensor.axes)}; "
            "napari-unet runs models for 2-D images (y, x), with or without channels."
        )
    return found


def _channels(tensor: v0_5.InputTensorDescr | v0_5.OutputTensorDescr) -> tuple[str, ...]:
    for axis in tensor.axes:
        if isinstance(axis, v0_5.ChannelAxis):
            return tuple(map(str, axis.channel_names))
    return ("foreground",)


def _side(first: v0_5.InputTensorDescr, last: v0_5.OutputTensorDescr, name: str) -> Side:
    axis = next(a for a in first.axes if str(a.id) == name)
    found = next(a for a in last.axes if str(a.id) == name)
    size, out = getattr(axis, "size", None), getattr(found, "size", None)
    halo = int(getattr(found, "halo", 0))
    if not isinstance(size, (int, v0_5.ParameterizedSize)) or axis.scale != found.scale:
        raise PackageError("This model's output is not as large as its input: it is no use here.")
    least, step = (size, 0) if isinstance(size, int) else (size.min, size.step)
    offset = out.offset if isinstance(out, v0_5.SizeReference) else int(str(out)) - least
    if offset > 0 or offset % 2 or least + offset - 2 * halo < 1:
        raise PackageError("This model's sizes of input and output do not fit each other.")
    meant = bool(getattr(axis, "concatenable", True)) or step == 0
    return Side(least, step, halo - offset // 2, halo, meant)


def _steps(described: Sequence[Any]) -> tuple[tuple[str, dict[str, Any]], ...]:
    return tuple((step.id, step.kwargs.model_dump(mode="json") if hasattr(step, "kwargs") else {})
                 for step in described)  # fmt: skip


def _check_pointwise(after: Sequence[tuple[str, dict[str, Any]]]) -> None:
    for name, settings in after:
        if name not in _POINTWISE or "min_percentile" in {k for k, v in settings.items() if v}:
            raise PackageError(
                f"This package's results are processed with “{name}” as a whole, which napari-unet "
                "does not do: use a program that was made for this model."
            )
