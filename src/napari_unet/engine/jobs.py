"""Segmenting whole images and folders, a tile or a file at a time."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from napari_unet.core.device import Device
from napari_unet.core.header import ModelError
from napari_unet.core.image import ImageError, Picture
from napari_unet.core.model import Model
from napari_unet.core.package.running import PackageSegmenter
from napari_unet.core.precision import predictor_for
from napari_unet.core.prediction import Predictor, how_certain
from napari_unet.core.uncertainty import certainty
from napari_unet.core.unet import UNet
from napari_unet.engine.batch.plan import Order
from napari_unet.engine.batch.segmenter import ModelSegmenter, Piece
from napari_unet.engine.folder import segment_folder
from napari_unet.engine.messages import (
    Cancel,
    Event,
    FolderEvent,
    PlaneName,
    Segmented,
    SegmentFolder,
    SegmentImage,
)
from napari_unet.engine.workbench import Workbench


class Jobs:
    """At most one image and one folder; the image goes first, as its user waits for it.

    Parameters
    ----------
    bench : Workbench
        Has the planes and the best model.
    """

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._plane: PlaneName = ""  # of the image
        self._image: Iterator[Event] | None = None
        self._folder: Generator[Event] | None = None
        self._run = 0  # the folder's number
        self._stopped = False  # the folder, at the next file
        self._made: tuple[tuple[int, bool], Predictor] | None = None  # of which generation, how

    @property
    def waiting(self) -> bool:
        """Whether there is something left to segment."""
        return self._image is not None or self._folder is not None

    @property
    def run(self) -> int:
        """The number of the folder that is being segmented; 0 if there is none."""
        return 0 if self._folder is None else self._run

    def take(self, command: SegmentImage | SegmentFolder | Cancel) -> None:
        """Begin a job in the place of the one before of its kind, or stop one.

        Raises
        ------
        ImageError, ModelError, FileError
            If it cannot begin; the message says what to do.
        """
        match command:
            case SegmentImage():
                self._image, self._plane = self._segment_image(command), command.plane
            case SegmentFolder():
                self._folder = self._segment_folder(command)
            case Cancel(plane=""):
                self._stopped = True
            case Cancel():
                if command.plane == self._plane:
                    self._image = None

    def clear(self) -> None:
        """Drop what waits."""
        self._image = self._folder = self._made = None

    def work(self) -> Iterator[Event]:
        """Segment the next tile or file."""
        if self._image is not None:
            if (tile := next(self._image, None)) is None:
                self._image = None
            else:
                yield tile
        elif self._folder is not None:
            if (file := next(self._folder, None)) is None:
                self._folder = None
            else:
                yield file

    def _segment_folder(self, command: SegmentFolder) -> Generator[Event]:
        model = Model.from_bytes(command.model) if command.model else self._bench.model()
        if self._folder is not None:
            self._folder.close()  # it lets its folder go
        self._stopped = False
        compute = self._bench.settings.compute
        order = Order(
            (Path(command.source),), Path(command.target), command.pattern, command.deep,
            command.recipe, command.again, command.limit,
        )  # fmt: skip
        segmenter = ModelSegmenter(model.to_bytes(), compute, spare=1)
        events = segment_folder(
            order, segmenter, cluster=command.cluster, stopped=lambda: self._stopped
        )
        self._run = command.run
        return _numbered(events, command.run)

    def _segment_image(self, command: SegmentImage) -> Iterator[Event]:
        """All tiles of a plane, with the weights that are best when the job begins."""
        trainer, plane = self._bench.trainer, command.plane
        if trainer is None or plane not in trainer.pictures:
            raise ImageError("There is no image to segment: choose an image layer first.")
        if command.package:
            return self._packaged(command, trainer.pictures[plane])
        if not trainer.answered:
            raise ModelError("There is no model yet: paint a few strokes of two classes first.")
        predictor = partial(
            self._predictor, trainer.generation, copy.deepcopy(trainer.best), trainer.device
        )
        return self._tiles(predictor, plane, trainer.pictures[plane])

    def _predictor(self, generation: int, net: UNet, device: Device) -> Predictor:
        """What predicts as the model's file would, unlike the preview.

        It is made once for all planes of a stack, unless the weights change meanwhile.
        """
        wanted = (generation, device.accelerate)
        if self._made is None or self._made[0] != wanted:
            self._made = wanted, predictor_for(net, device)
        return self._made[1]

    def _packaged(self, command: SegmentImage, picture: Picture) -> Iterator[Event]:
        """All tiles of a plane by a package, which is opened at once."""
        if picture.large:
            raise ImageError(
                "This image is too large for a package's network: choose a part or another level."
            )
        segmenter = PackageSegmenter(command.package, trusted=command.trusted)
        pieces = segmenter.pieces(np.asarray(picture.raw), probabilities=True)
        return chain([next(labelled := self._pieces(command.plane, picture, pieces))], labelled)

    def _pieces(
        self, plane: PlaneName, picture: Picture, pieces: Iterator[Piece]
    ) -> Iterator[Event]:
        pixels, done = picture.shape[0] * picture.shape[1], 0
        for (rows, columns), labels, shares in pieces:
            done += labels.size
            sure = None if shares is None else certainty(shares)
            yield Segmented(plane, rows.start, columns.start, labels, done, pixels, certainty=sure)

    def _tiles(
        self, predictor: Callable[[], Predictor], plane: PlaneName, picture: Picture
    ) -> Iterator[Event]:
        pixels, done, made = math.prod(picture.shape), 0, predictor()
        mirrored = self._bench.settings.compute.mirrors
        for tile, shares in made.mean(picture, made.blocks(picture), mirrored=mirrored):
            trainer = self._bench.trainer
            if trainer is None or trainer.pictures.get(plane) is not picture:
                return  # the image is gone
            labels, sure = how_certain(shares)
            done += labels.size
            z, y, x = tile.corner
            yield Segmented(plane, y, x, labels, done, pixels, z, sure)


def _numbered(events: Generator[FolderEvent], run: int) -> Generator[Event]:
    with closing(events):
        for event in events:
            yield replace(event, run=run)
