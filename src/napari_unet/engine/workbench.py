"""The planes, their paint, the classes, and the trainer that learns from them."""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np

from napari_unet.core.annotations import Annotations, check_shapes
from napari_unet.core.device import Device, choose
from napari_unet.core.image import ImageError, Picture
from napari_unet.core.model import Model, ModelError, check_channels
from napari_unet.core.presets import start
from napari_unet.core.settings import Settings
from napari_unet.core.training import Trainer
from napari_unet.engine.messages import Annotate, Close, Configure, Open

Init = Literal["bundled", "random"]


class Workbench:
    """Keeps the trainer in step with what the user opened, painted and chose.

    Parameters
    ----------
    spare : int
        CPU cores left to others where the settings do not fix the threads.
    init : "bundled", "random" or Model
        What a new network starts from.

    Attributes
    ----------
    trainer : Trainer or None
        None until a plane is open.
    changed : bool
        Whether there is paint that the trainer has not fitted yet.
    """

    def __init__(self, *, spare: int = 1, init: Init | Model = "bundled") -> None:
        self.classes: tuple[str, ...] = ("background", "foreground")
        self.settings = Settings()
        self.trainer: Trainer | None = None
        self.changed = False
        self.agreement: float | None = None
        self._spare, self._init = spare, init
        self._paint: dict[str, Annotations] = {}
        self._pictures: dict[str, Picture] = {}

    @property
    def answered(self) -> bool:
        """Whether the newest paint was learnt from at least by the first answer."""
        return self.trainer is not None and self.trainer.answered and not self.changed

    @property
    def device(self) -> Device:
        """Where the work is done, by the settings."""
        return choose(self.settings.compute, spare=self._spare)

    def take(self, command: Configure | Open | Close | Annotate) -> None:
        """Follow a command about planes, paint, classes or settings."""
        match command:
            case Configure():
                self.configure(command)
            case Open():
                self.open(command)
            case Close():
                self.close(command.plane)
            case Annotate():
                self.annotate(command)

    def configure(self, command: Configure) -> None:
        """Take the classes and settings; a network of another shape starts anew.

        Raises
        ------
        DeviceError
            If the device is not there; nothing is changed then.
        """
        choose(command.settings.compute, spare=self._spare)
        classes = command.classes if len(command.classes) > 1 else (*command.classes, "other")
        old, self.settings = self.settings, command.settings
        renetwork = old.network != command.settings.network
        resized = len(classes) != len(self.classes)
        self.classes = classes
        if renetwork:
            self._init = "bundled"
        if self.trainer is None:
            return
        if renetwork or resized or old.compute != command.settings.compute:
            learnt = self._init if renetwork else self.model()
            self._rebuild(learnt)
        elif old != command.settings:
            self.trainer.settings = command.settings
            self.changed = True

    def open(self, command: Open) -> None:
        """Add or replace a plane.

        Raises
        ------
        ImageError
            If the image cannot be used, or has other channels than the planes before it.
        """
        picture = Picture.of(command.image)
        others = [p for name, p in self._pictures.items() if name != command.plane]
        if others and others[0].channels != picture.channels:
            raise ImageError(
                f"This image has {picture.channels} channel(s), the ones before have "
                f"{others[0].channels}: one network learns from images of one kind."
            )
        if isinstance(self._init, Model):
            check_channels(self._init.header.shape.in_channels, picture.channels)
        self._pictures[command.plane] = picture
        if self.trainer is None or self.trainer.base.in_channels != picture.channels:
            self._rebuild(self._init)
        else:
            self.trainer.open(command.plane, picture)
            self._apply(command.plane)

    def close(self, plane: str) -> None:
        """Forget a plane and its paint; what was learnt from it stays."""
        self._pictures.pop(plane, None)
        self._paint.pop(plane, None)
        if self.trainer is not None:
            self.trainer.close(plane)
            self.changed = self.trainer.trainable

    def annotate(self, command: Annotate) -> None:
        """Take new paint; it is scored against the prediction, then learnt from.

        Raises
        ------
        AnnotationError
            If it does not fit its plane.
        """
        if command.plane in self._pictures:
            check_shapes(command.annotations.shape, self._pictures[command.plane].shape)
        self._paint[command.plane] = command.annotations
        self._apply(command.plane)

    def reset(self) -> None:
        """Forget all that was learnt; the paint stays."""
        if isinstance(self._init, Model):
            self._init = "bundled"
        self.agreement = None
        if self.trainer is not None:
            self._rebuild(self._init)

    def restore(self, model: Model) -> None:
        """Go on from a model: its classes and its network are taken over.

        Raises
        ------
        ModelError
            If its classes are fewer than those painted, or its channels are not the image's.
        """
        shape = model.header.shape
        painted = max(
            (int(np.flatnonzero(p.counts).max(initial=0)) for p in self._paint.values()), default=0
        )
        if painted > shape.classes:
            raise ModelError(
                f"This model has {shape.classes} classes but class {painted} is painted: "
                "erase that paint, or choose a model with as many classes."
            )
        for picture in self._pictures.values():
            check_channels(shape.in_channels, picture.channels)
        self._init = model
        network = model.header.settings.network
        self.settings = msgspec.structs.replace(self.settings, network=network)
        self.classes = model.header.classes or tuple(f"class {i + 1}" for i in range(shape.classes))
        if self._pictures:
            self._rebuild(model)

    def model(self) -> Model:
        """The best model so far.

        Raises
        ------
        ModelError
            If nothing was learnt yet.
        """
        trainer = self.trainer
        if trainer is None or not trainer.answered:
            raise ModelError("There is no model yet: paint a few strokes of two classes first.")
        made: dict[str, str | int | float] = {
            "steps": trainer.steps,
            "planes": len(trainer.splits),
            "painted pixels": int(trainer.counts.sum()),
            "seed": self.settings.training.seed,
        }
        return Model.of(trainer.best, self.classes, self.settings, made)

    def _rebuild(self, source: Init | Model) -> None:
        """A new trainer from `source`, with all planes and paint."""
        channels = next(iter(self._pictures.values())).channels
        base = start(self.settings.network.preset, channels, len(self.classes), source)
        known = isinstance(source, Model) and source.header.shape.classes == len(self.classes)
        generation = self.trainer.generation + 1 if self.trainer is not None else 1
        self.trainer = Trainer(base, self.settings, self.device, generation, answered=known)
        for name, picture in self._pictures.items():
            self.trainer.open(name, picture)
            self._apply(name)

    def _apply(self, plane: str) -> None:
        """Hand a plane's paint to the trainer."""
        if self.trainer is None or plane not in self._pictures or plane not in self._paint:
            return
        agreement = self.trainer.annotate(plane, self._paint[plane])
        if agreement is not None:
            self.agreement = agreement
        self.changed = True
