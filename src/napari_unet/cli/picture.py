"""A picture for people: the image with its strokes, and beside it the prediction."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from napari_unet.core.samples import Sample

# as in the panel: colours that colour-blind people can tell apart (Okabe and Ito, 2008)
_COLOURS = np.array(
    [(86, 180, 233), (230, 159, 0), (0, 158, 115), (204, 121, 167), (240, 228, 66), (213, 94, 0)],
    np.uint8,
)
_VEIL = 0.5  # opacity of the prediction
_FOOT, _GAP = 28, 8  # px


def before_after(sample: Sample, labels: NDArray[np.uint8]) -> Image.Image:
    """Draw image and strokes on the left, image and prediction on the right, and a legend."""
    left = _as_rgb(sample.image)
    right = left.copy()
    left[sample.strokes > 0] = _colour(sample.strokes)[sample.strokes > 0]
    right = (right * (1 - _VEIL) + _colour(labels) * _VEIL).astype(np.uint8)
    height, width = labels.shape
    canvas = Image.new("RGB", (2 * width + _GAP, height + _FOOT), "white")
    canvas.paste(Image.fromarray(left), (0, 0))
    canvas.paste(Image.fromarray(right), (width + _GAP, 0))
    pen = ImageDraw.Draw(canvas)
    pen.text((8, height + 7), "strokes", fill="black", font_size=14)
    x = width + _GAP + 8
    for number, name in enumerate(sample.classes, start=1):
        colour = tuple(_colour(np.array([number]))[0].tolist())
        pen.rectangle((x, height + 8, x + 12, height + 20), fill=colour)
        pen.text((x + 18, height + 7), name, fill="black", font_size=14)
        x += 36 + int(pen.textlength(name, font_size=14))
    return canvas


def _as_rgb(image: NDArray[Any]) -> NDArray[np.uint8]:
    """(Y, X, 3) uint8 of a grey or colour image of 8 bit."""
    grey = image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=-1)
    return np.ascontiguousarray(grey[..., :3])


def _colour(labels: NDArray[Any]) -> NDArray[np.uint8]:
    """A colour for each label; those of 0 mean nothing."""
    chosen: NDArray[np.uint8] = _COLOURS[(labels.astype(int) - 1) % len(_COLOURS)]
    return chosen
