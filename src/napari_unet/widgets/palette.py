"""Colours of classes, to be told apart by colour-blind users too (Okabe and Ito, 2008)."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

from napari.utils.colormaps import DirectLabelColormap

from napari_unet.core.objects_ids import FIRST_ID, VALUES

_OKABE_ITO = ("#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#f0e442", "#d55e00", "#0072b2")
_GOLDEN = 0.618033988749895
_FAINT = 0.3  # of the background's colour in a prediction, so that the image stays visible


def colour(number: int) -> str:
    """A colour for class `number` (from 1), as #rrggbb."""
    if number <= len(_OKABE_ITO):
        return _OKABE_ITO[number - 1]
    rgb = colorsys.hls_to_rgb((number * _GOLDEN) % 1, 0.6, 0.7)
    return "#" + "".join(f"{round(v * 255):02x}" for v in rgb)


def label_colours(colours: Sequence[str], *, faint_background: bool = False) -> DirectLabelColormap:
    """A label colormap: `colours` for 1…K, others for ids of objects; the rest is transparent.

    Parameters
    ----------
    colours : sequence of str
        As #rrggbb.
    faint_background : bool
        Show class 1 weakly; for predictions, which cover the whole image.
    """
    table: dict[int | None, str] = {None: "transparent", 0: "transparent"}
    for number in range(FIRST_ID, VALUES):
        table[number] = colour(number)
    for number, value in enumerate(colours, start=1):
        weak = faint_background and number == 1
        table[number] = f"{value}{round(255 * _FAINT):02x}" if weak else value
    return DirectLabelColormap(color_dict=table)
