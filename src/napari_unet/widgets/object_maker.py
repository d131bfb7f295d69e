"""Makes a layer of objects out of a layer of classes."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec
from napari.layers import Image, Labels
from qtpy.QtCore import QObject, Signal

from napari_unet.widgets import notices
from napari_unet.widgets.certainty import certainty_of, in_memory
from napari_unet.widgets.object_making import Grey, Made, Task, make, place_in_world, stack_axes
from napari_unet.widgets.object_preview import Wish
from napari_unet.widgets.object_work import ObjectWork
from napari_unet.widgets.place import place_of


class ObjectMaker(QObject):
    """One whole layer at a time.

    Signals
    -------
    progressed : int, int
        Done and all.
    finished : Labels or None, str
        The layer, not yet in the viewer, or None; and a sentence.
    """

    progressed = Signal(int, int)
    finished = Signal(object, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._arguments: dict[str, Any] = {}
        self._work = ObjectWork(self)
        self._work.progressed.connect(self.progressed)
        self._work.done.connect(self._on_made)
        self._work.failed.connect(self._on_failed)

    @property
    def running(self) -> bool:
        """Whether objects are being made."""
        return self._work.running

    def start(self, wish: Wish, images: Sequence[Image], *, live: bool) -> None:
        """Make the objects of all planes; the images are measured.

        `live`: the classes are a prediction that goes on meanwhile.
        """
        data = wish.classes.data[0] if wish.classes.multiscale else wish.classes.data
        certainty = certainty_of(wish.classes) if wish.settings.split else None
        if live:  # what lies on a disk is copied a plane at a time, away from the window's thread
            data = data.copy() if in_memory(data) else data
            certainty = None if certainty is None else certainty.frozen()
        task = Task(
            data,
            wish.number,
            wish.settings,
            tuple(Grey.of(image) for image in images),
            place_in_world(wish.image),
            stack_axes(wish.image),
            certainty,
            live,
        )
        self._arguments = {
            "name": f"{wish.image.name} objects",
            "metadata": {"objects": msgspec.to_builtins(wish.settings)},
            **place_of(wish.image),
        }
        self._work.start(partial(make, task))

    def cancel(self) -> None:
        """Stop; nothing is kept."""
        self._work.stop()
        self.finished.emit(None, "Cancelled. Nothing was kept.")

    def _on_made(self, made: Made) -> None:
        if not made.count:
            self.finished.emit(
                None,
                "There is no object of this class, or none that is large enough: choose another "
                "class, or a smaller smallest object.",
            )
            return
        layer = Labels(made.labels, features=made.table, **self._arguments)
        self.finished.emit(
            layer,
            f"{made.count:,} object{'s' * (made.count > 1)} in the new layer “{layer.name}”. Its "
            "measurements: Layers > Metadata > Features table widget, which also saves them as "
            "CSV.",
        )

    def _on_failed(self, error: Exception) -> None:
        notices.report(
            f"The objects could not be made: {error}", "".join(traceback.format_exception(error))
        )
        self.finished.emit(None, "The objects could not be made.")
