"""The standard processing steps of bioimage.io, as far as 2-D segmentation uses them.

A step knows nothing of tiles: what it measures, it measures on the array that it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.package.errors import PackageError

Pixels: TypeAlias = NDArray[Any]
Settings: TypeAlias = Mapping[str, Any]
_ORDER = ("channel", "y", "x")
_EPS = 1e-6


def apply(steps: Sequence[tuple[str, Settings]], pixels: Pixels) -> Pixels:
    """Process an image (C, Y, X) with steps, each a name and its keyword arguments.

    Raises
    ------
    PackageError
        If a step is not known here.
    """
    for name, settings in steps:
        pixels = _STEPS[name](pixels, settings)
    return pixels


def check(names: Sequence[str]) -> None:
    """Refuse steps that are not known here.

    Raises
    ------
    PackageError
    """
    for name in names:
        if name not in _STEPS:
            raise PackageError(
                f"This package processes images with “{name}”, which napari-unet cannot do: use a "
                "program that was made for this model."
            )


def _axes(settings: Settings) -> tuple[int, ...] | None:
    """The axes that are measured together; None: all."""
    names = settings.get("axes")
    if names is None:
        return None
    return tuple(_ORDER.index(str(name)) for name in names if str(name) in _ORDER)


def _ensure(pixels: Pixels, settings: Settings) -> Pixels:
    return pixels.astype(settings["dtype"], copy=False)


def _binarize(pixels: Pixels, settings: Settings) -> Pixels:
    return (pixels > _along(settings["threshold"], settings)).astype(np.float32)


def _clip(pixels: Pixels, settings: Settings) -> Pixels:
    axes = _axes(settings)

    def bound(which: str) -> Pixels | float | None:
        share = settings.get(f"{which}_percentile")
        if share is None:
            value: float | None = settings.get(which)
            return value
        return np.percentile(pixels, share, axis=axes, keepdims=True)

    return np.clip(pixels, bound("min"), bound("max"))


def _scale_linear(pixels: Pixels, settings: Settings) -> Pixels:
    gain, offset = settings.get("gain", 1.0), settings.get("offset", 0.0)
    found: Pixels = pixels * _along(gain, settings) + _along(offset, settings)
    return found


def _scale_range(pixels: Pixels, settings: Settings) -> Pixels:
    axes = _axes(settings)
    low = np.percentile(pixels, settings.get("min_percentile", 0), axis=axes, keepdims=True)
    high = np.percentile(pixels, settings.get("max_percentile", 100), axis=axes, keepdims=True)
    found: Pixels = (pixels - low) / (high - low + settings.get("eps", _EPS))
    return found


def _standardise(pixels: Pixels, settings: Settings) -> Pixels:
    axes, exact = _axes(settings), pixels.astype(np.float64)
    mean, deviation = exact.mean(axes, keepdims=True), exact.std(axes, keepdims=True)
    found: Pixels = (exact - mean) / (deviation + settings.get("eps", _EPS))
    return found


def _fixed(pixels: Pixels, settings: Settings) -> Pixels:
    return (pixels - _along(settings["mean"], settings)) / _along(settings["std"], settings)


def _sigmoid(pixels: Pixels, _: Settings) -> Pixels:
    found: Pixels = 1 / (1 + np.exp(-pixels))
    return found


def _softmax(pixels: Pixels, settings: Settings) -> Pixels:
    axis = _ORDER.index(str(settings.get("axis", "channel")))
    raised = np.exp(pixels - pixels.max(axis, keepdims=True))
    found: Pixels = raised / raised.sum(axis, keepdims=True)
    return found


def _along(value: float | Sequence[float], settings: Settings) -> Pixels:
    """One number, or one for each place along an axis, to be combined with (C, Y, X)."""
    if isinstance(value, (int, float)):
        return np.asarray(value, np.float64)
    shape = [1, 1, 1]
    shape[_ORDER.index(str(settings.get("axis") or "channel"))] = -1
    return np.asarray(value, np.float64).reshape(shape)


_STEPS: dict[str, Callable[[Pixels, Settings], Pixels]] = {
    "ensure_dtype": _ensure,
    "binarize": _binarize,
    "clip": _clip,
    "scale_linear": _scale_linear,
    "scale_range": _scale_range,
    "zero_mean_unit_variance": _standardise,
    "fixed_zero_mean_unit_variance": _fixed,
    "sigmoid": _sigmoid,
    "softmax": _softmax,
}
