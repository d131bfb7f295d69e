"""Writes predicted tiles and overlays into their layers, with few and cheap refreshes."""

from __future__ import annotations

import time
from collections.abc import Iterable

from napari.layers import Image, Labels
from qtpy.QtCore import QObject

from napari_unet.engine.messages import Predicted
from napari_unet.widgets.certainty import SAID, Certainty, certainty_of, keep
from napari_unet.widgets.planes import Index, full_shape
from napari_unet.widgets.pyramid import empty, write
from napari_unet.widgets.timers import single_shot

_PAUSE = 0.1  # s between two refreshes, so that painting has the window most of the time
_OVERLAY_PAUSE = 0.3  # images have no cheap refresh, so theirs is rarer
_THUMBNAIL = 2000  # ms after which the picture in the layer list follows


class Refresher(QObject):
    """Redraws a layer at most every so often; the last request is never lost."""

    def __init__(self, layer: Labels | Image, pause: float) -> None:
        super().__init__()
        self._layer, self._pause, self._last = layer, pause, 0.0
        self._timer = single_shot(self, self._refresh)
        self._thumbnail = single_shot(self, self._draw_thumbnail, _THUMBNAIL)

    def ask(self) -> None:
        """Redraw now, or as soon as the pause is over."""
        left = self._last + self._pause - time.monotonic()
        if left <= 0:
            self._refresh()
        elif not self._timer.isActive():
            self._timer.start(round(left * 1000) + 1)

    def close(self) -> None:
        """Redraw no more."""
        self._timer.stop()
        self._thumbnail.stop()

    def _refresh(self) -> None:
        self._last = time.monotonic()
        self._layer.refresh(thumbnail=False, highlight=False, extent=False)
        if not self._thumbnail.isActive():
            self._thumbnail.start()

    def _draw_thumbnail(self) -> None:
        self._layer.refresh(data_displayed=False, highlight=False, extent=False)


class TileWriter:
    """Writes tiles of one image into its prediction layer; nothing is ever blanked.

    Parameters
    ----------
    layer : Labels
        uint8 of shape (…, Y, X).

    planes : of Index
        Those that hold a prediction already; the attribute names all that do.
    """

    def __init__(self, layer: Labels, planes: Iterable[Index] = ()) -> None:
        self.layer, self.planes = layer, set(planes)
        self.overlay: Image | None = None
        self._newest: dict[Index, int] = {}
        self._refresher = Refresher(layer, _PAUSE)
        self._overlay_refresher: Refresher | None = None

    def show_overlay(self, layer: Image | None) -> None:
        """Write what comes with the prediction into this layer from now on, or nowhere.

        The layer before it is hidden, as it would go out of date.
        """
        if self.overlay is not None and self._overlay_refresher is not None:
            self._overlay_refresher.close()
            self.overlay.visible = False
        self.overlay = layer
        self._overlay_refresher = layer and Refresher(layer, _OVERLAY_PAUSE)

    def forget_generations(self) -> None:
        """A new engine counts from the start."""
        self._newest.clear()

    def write(self, index: Index, tile: Predicted, *, visible: bool) -> bool:
        """Write one tile; False if a newer generation has been seen or it does not fit."""
        if tile.generation < self._newest.get(index, tile.generation):
            return False
        self._newest[index] = tile.generation
        if not write(self.layer.data, index, tile.y, tile.x, tile.labels):
            return False
        self._note(index, tile)
        self.planes.add(index)
        if visible and self.layer.visible:
            self._refresher.ask()
        overlay, refresher = self.overlay, self._overlay_refresher
        if overlay is not None and refresher is not None and tile.overlay is not None:
            write(overlay.data, index, tile.y, tile.x, tile.overlay)
            if visible and overlay.visible:
                refresher.ask()
        return True

    def _note(self, index: Index, tile: Predicted) -> None:
        """Keep how sure the tile is; where it does not say, forget it of the one before."""
        known = certainty_of(self.layer)
        if known is None and tile.certainty is not None:
            known = keep(self.layer, Certainty(empty(full_shape(self.layer), SAID)))
        if known is not None:
            known.write(index, tile.y, tile.x, tile.labels, tile.certainty)

    def close(self) -> None:
        """Write no more."""
        self._refresher.close()
        if self._overlay_refresher is not None:
            self._overlay_refresher.close()
