"""Measures objects that came without measurements: from a file, or of another tool."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from napari.layers import Image, Labels
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from napari_unet.core.measurements import Place, Table, measure, stacked
from napari_unet.widgets import notices
from napari_unet.widgets.object_making import Grey, place_in_world, stack_axes
from napari_unet.widgets.object_work import ObjectWork


class ObjectMeasurer(QObject):
    """One layer at a time.

    Signals
    -------
    progressed : int, int
        Planes done, and all.
    finished : the layer has its features, unless it could not be measured, which was told.
    """

    progressed = Signal(int, int)
    finished = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._layer: Labels | None = None
        self._work = ObjectWork(self)
        self._work.progressed.connect(self.progressed)
        self._work.done.connect(self._on_measured)
        self._work.failed.connect(self._on_failed)

    @property
    def running(self) -> bool:
        """Whether something is being measured."""
        return self._work.running

    def start(self, layer: Labels, images: Sequence[Image]) -> None:
        """Measure the objects of all planes, and the images under them."""
        self._layer = layer
        greys = tuple(Grey.of(image) for image in images)
        place, axes = place_in_world(images[0]), stack_axes(images[0])
        self._work.start(partial(_measure_all, layer.data, greys, place, axes))

    def stop(self) -> None:
        """Nobody wants it any more."""
        self._work.stop()

    def _on_measured(self, table: Table) -> None:
        if self._layer is not None:
            self._layer.features = _joined(table, self._layer.features)
        self.finished.emit()

    def _on_failed(self, error: Exception) -> None:
        notices.report(
            f"The objects could not be measured: {error}",
            "".join(traceback.format_exception(error)),
        )
        self.finished.emit()


def _joined(table: Table, other: Any) -> Table:  # noqa: ANN401 - a data frame, which has no types
    """Our measurements, with those that another tool made of objects by their “label”."""
    if "label" not in other or other["label"].dtype.kind not in "iuf":
        return table
    if not other["label"].is_unique:  # the same number in several planes: whose is it?
        return table
    rest = other.set_index("label").reindex(table["index"])
    return table | {str(name): rest[name].to_numpy() for name in rest if name not in table}


def _measure_all(
    labels: NDArray[Any],
    greys: Sequence[Grey],
    place: Place,
    axes: Sequence[str],
    progress: Callable[[int, int], None],
) -> Table:
    """Measure (…, Y, X) objects plane by plane; no Qt, so any thread will do."""
    planes = list(np.ndindex(*labels.shape[:-2]))
    tables = []
    for done, index in enumerate(planes):
        progress(done, len(planes))
        channels = {k: v for grey in greys for k, v in grey.channels(index).items()}
        tables.append(measure(labels[index], channels, place))
    if not axes:
        return tables[0]
    return stacked(tables, dict(zip(axes, zip(*planes, strict=True), strict=True)))
