"""Colours objects by one of their measurements."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np
from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap, ensure_colormap, label_colormap
from qtpy.QtWidgets import QComboBox, QWidget

_OWN = "a colour each"
_RAMP = "viridis"
_TAIL = 1  # per cent at each end that get the same colour, so that one outlier is not all there is
_UNKNOWN = "gray"  # what is being painted has no value yet, but must be seen


def columns(layer: Labels) -> list[str]:
    """Names of a layer's measurements; none if it is not said of which objects they are."""
    table = layer.features
    if "index" not in table:
        return []
    return [str(name) for name in table if name != "index" and table[name].dtype.kind in "iufb"]


def colour_by(layer: Labels, column: str | None) -> None:
    """Give each object the colour of its value, or with None a colour of its own."""
    if column is None:
        layer.colormap = label_colormap()
        return
    values = layer.features[column].to_numpy(float)
    known = values[np.isfinite(values)]
    low, high = np.percentile(known, (_TAIL, 100 - _TAIL)) if len(known) else (0.0, 1.0)
    share = np.clip((values - low) / ((high - low) or 1), 0, 1)
    colours = ensure_colormap(_RAMP).map(np.nan_to_num(share))
    ids = layer.features["index"].tolist()
    layer.colormap = DirectLabelColormap(
        color_dict={None: _UNKNOWN, 0: "transparent", **dict(zip(ids, colours, strict=True))}
    )


class ColourBy(QComboBox):
    """The measurements of a layer of objects; the chosen one stays when they change."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.layer: Labels | None = None
        self._chosen: WeakKeyDictionary[Labels, str] = WeakKeyDictionary()
        self.setToolTip("Colour the objects by one of their measurements.")
        self.setAccessibleName("Colour the objects by")
        self.setSizeAdjustPolicy(self.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(12)
        self.activated.connect(self._on_activated)

    def show_layer(self, layer: Labels | None) -> None:
        """Offer the measurements of a layer; it keeps the colours that it has."""
        self.layer = layer
        self.clear()
        if layer is not None:
            self.addItems([_OWN, *columns(layer)])
            self.setCurrentIndex(max(self.findText(self._chosen.get(layer, _OWN)), 0))

    def again(self) -> None:
        """Colour the objects that are there now by the same measurement as before."""
        layer = self.layer
        self.show_layer(layer)
        if layer is None or layer not in self._chosen:
            return
        if self._chosen[layer] not in columns(layer):
            del self._chosen[layer]
        colour_by(layer, self._chosen.get(layer))

    def _on_activated(self, row: int) -> None:
        if self.layer is None:
            return
        column = self.itemText(row) if row else None
        if column is None:
            self._chosen.pop(self.layer, None)
        else:
            self._chosen[self.layer] = column
        colour_by(self.layer, column)
