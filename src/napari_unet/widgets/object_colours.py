"""Colours objects by one of their measurements."""

from __future__ import annotations

import numpy as np
from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap, ensure_colormap, label_colormap

_RAMP = "viridis"
_TAIL = 1  # per cent at each end that get the same colour, so that one outlier is not all there is


def columns(layer: Labels) -> list[str]:
    """Names of a layer's measurements."""
    return [str(name) for name in layer.features.columns if name != "index"]


def colour_by(layer: Labels, column: str | None) -> None:
    """Give each object the colour of its value, or with None a colour of its own."""
    if column is None:
        layer.colormap = label_colormap()
        return
    values = layer.features[column].to_numpy(float)
    low, high = np.nanpercentile(values, (_TAIL, 100 - _TAIL))
    share = np.clip((values - low) / ((high - low) or 1), 0, 1)
    colours = ensure_colormap(_RAMP).map(np.nan_to_num(share))
    ids = layer.features["index"].tolist()
    layer.colormap = DirectLabelColormap(
        color_dict={None: "transparent", 0: "transparent", **dict(zip(ids, colours, strict=True))}
    )
