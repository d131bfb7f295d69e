"""Which network learns: one for slices or for stacks as a whole, anew or from a model file."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from qtpy.QtCore import QObject, Signal

from napari_unet.widgets.classes import ClassList
from napari_unet.widgets.desk import Desk
from napari_unet.widgets.lesson import Lesson
from napari_unet.widgets.model_file import (
    check_channels,
    check_names,
    class_names,
    is_of_volumes,
    read_model,
)
from napari_unet.widgets.planes import count_channels
from napari_unet.widgets.regions import check_stack
from napari_unet.widgets.roster import Roster
from napari_unet.widgets.segmenting import ImageSegmenter


class NetworkChoice(QObject):
    """Puts another network in the place of the one that learns. Strokes stay.

    Signals
    -------
    turned : the network looks at stacks as a whole now, or no longer.
    """

    turned = Signal()

    def __init__(
        self, desk: Desk, roster: Roster, lesson: Lesson, segmenter: ImageSegmenter
    ) -> None:
        super().__init__()
        self._desk, self._roster = desk, roster
        self._lesson, self._segmenter = lesson, segmenter

    def see_volumes(self, *, volumes: bool) -> None:
        """See all slices along z as one, or each by itself; what was learnt is forgotten."""
        if volumes == self._desk.planes.volumes:
            return
        self._turn(self._lesson.reset, volumes=volumes)
        if self._lesson.urgent:  # some image cannot be seen so, or a model is not saved
            return
        how = "as a whole, with the slices above and below" if volumes else "slice by slice"
        self._lesson.confirm(
            f"The network looks at stacks {how} from now on, and starts anew from the bundled "
            "weights. Your strokes are kept."
        )

    def load(self, path: Path) -> None:
        """Go on from a model file.

        Raises
        ------
        ModelFileError
            If it is not one, needs a stack, was trained on other channels than the image in work
            has, or has other classes than those painted.
        """
        data = read_model(path)
        self._check(data)
        names = _usable_names(data)
        if names:
            self._roster.adopt(names)
        if is_of_volumes(data) and not self._desk.planes.volumes:
            self._turn(partial(self._lesson.adopt, data, path.name), volumes=True)
            self._lesson.confirm(
                "This model looks at stacks as a whole, and so does the panel now."
            )
        else:  # one of planes can go on in either way
            self._lesson.adopt(data, path.name)

    def _check(self, data: bytes) -> None:
        """Refuse a model that does not suit, before anything is changed."""
        active, names = self._desk.active, _usable_names(data)
        if is_of_volumes(data):
            check_stack(None if active is None else active.image)
        if active is not None:
            check_channels(data, count_channels(active.images))
        if names and self._desk.counts.any():
            check_names(names, self._roster.classes.names)

    def _turn(self, then: Callable[[], None], *, volumes: bool) -> None:
        self._segmenter.cancel()
        self._desk.see_volumes(volumes=volumes, between=then)
        self.turned.emit()


def _usable_names(data: bytes) -> tuple[str, ...]:
    """The names of a model's classes, as classes can have them here."""
    return ClassList.named(class_names(data)).names
