"""The planes, their paint, the classes, and the trainer that learns from them."""

from __future__ import annotations

from typing import cast

from napari_unet.core.annotations import MAX_CLASSES, AnnotationError, Annotations
from napari_unet.core.device import Device, choose
from napari_unet.core.header import ModelError
from napari_unet.core.lineage import Past
from napari_unet.core.model import Model
from napari_unet.core.presets import start
from napari_unet.core.settings import Settings
from napari_unet.core.suitable import check_fits
from napari_unet.core.training import Trainer
from napari_unet.engine import squares
from napari_unet.engine.making import model_of, was_fitted
from napari_unet.engine.messages import Annotate, Close, Configure, Offer, Open
from napari_unet.engine.origin import Init, Origin
from napari_unet.engine.sheets import Sheets
from napari_unet.engine.supply import Supply, picture_of

_CLASSES = ("background", "foreground")  # at least so many, whatever the user named


class Workbench:
    """Keeps the trainer in step with what the user opened, painted and chose.

    Parameters
    ----------
    spare : int
        CPU cores left to others where the settings do not fix the threads.
    init : "bundled", "random" or Model
        What a new network starts from.
    supply : Supply, optional
        Has the pixels of large planes; only those who offer planes need it.

    Attributes
    ----------
    trainer : Trainer, or None until a plane is open
    changed : bool
        Whether there is paint that the trainer has not fitted yet.
    dealt : dict
        What is held out of planes where that changed; who tells of it takes it out.
    """

    def __init__(
        self, *, spare: int = 1, init: Init | Model = "bundled", supply: Supply | None = None
    ) -> None:
        self._spare, self._origin, self._supply = spare, Origin(init), supply
        self.classes: tuple[str, ...] = _CLASSES
        self.settings = self._origin.settled(Settings())
        self.trainer: Trainer | None = None
        self.changed = False
        self.dealt: dict[str, Annotations] = {}
        self._sheets, self._past = Sheets(), Past()
        self._anisotropy: float | None = None  # px between slices of volumes; None for planes

    @property
    def answered(self) -> bool:
        """Whether the newest paint was learnt from at least by the first answer."""
        return self.trainer is not None and self.trainer.answered and not self.changed

    @property
    def device(self) -> Device:
        """Where the work is done, by the settings."""
        return choose(self.settings.compute, spare=self._spare)

    def paint(self, plane: str) -> Annotations | None:
        """What was painted on a plane."""
        return self._sheets.paint.get(plane)

    def take(self, command: Configure | Open | Offer | Close | Annotate) -> float | None:
        """Follow a command about planes, paint, classes or settings; see `annotate`."""
        match command:
            case Configure():
                self.configure(command)
            case Open() | Offer():
                self.open(command)
            case Close():
                self.close(command.plane)
            case Annotate():
                return self.annotate(command)
        return None

    def configure(self, command: Configure) -> None:
        """Take the classes and settings; a network that the user chose anew starts anew.

        Raises
        ------
        AnnotationError, DeviceError
            If there are too many classes, or the device is not there; nothing is changed then.
        """
        if len(command.classes) > MAX_CLASSES:
            raise AnnotationError(f"There can be {MAX_CLASSES} classes at most: remove some.")
        choose(command.settings.compute, spare=self._spare)
        classes = command.classes + _CLASSES[len(command.classes) :]
        old, self.settings = self.settings, self._origin.configured(command.settings)
        resized = len(classes) != len(self.classes)
        self.classes = classes
        if self.trainer is None:
            return
        if old.network != self.settings.network:
            self._rebuild(self._origin.start)
        elif resized or self.device != self.trainer.device:
            self._rebuild(self._newest(), answered=self.trainer.answered and not resized)
        elif old != self.settings:
            self.trainer.settings, self.trainer.device = self.settings, self.device
            self.changed = True

    def open(self, command: Open | Offer) -> None:
        """Add or replace a plane.

        Raises
        ------
        ImageError
            If the image cannot be used, or has other channels than the planes before it.
        """
        picture = picture_of(command, self._supply)
        self._sheets.check(command.plane, picture)
        self._origin.check(picture)
        if self._sheets.lay(command.plane, picture, command.title):
            self.changed = True
        self._anisotropy = command.anisotropy if len(picture.shape) == 3 else None
        base = None if self.trainer is None else self.trainer.base
        kind = (picture.channels, len(picture.shape))
        if self.trainer is None or base is None or (base.in_channels, base.axes) != kind:
            model = self._origin.model
            answered = model is not None and model.header.shape.classes == len(self.classes)
            self._rebuild(self._origin.start, answered=answered)
        else:
            squares.close(self.trainer, command.plane)
            self.trainer.open(command.plane, picture)
            self._apply(command.plane)

    def close(self, plane: str) -> None:
        """Forget a plane and its paint; what was learnt from it stays."""
        was_painted = self._sheets.take_away(plane)
        if self.trainer is not None:
            squares.close(self.trainer, plane)
            if was_painted:
                self.changed = self.trainer.trainable

    def annotate(self, command: Annotate) -> float | None:
        """Take new paint; it is scored against the prediction (returned), then learnt from.

        See `Trainer.annotate`; None also for paint that was seen before.

        Raises
        ------
        AnnotationError
            If it does not fit its plane.
        """
        agreement = self._apply(command.plane) if self._sheets.mark(command) else None
        return None if command.seen else agreement

    def reset(self) -> None:
        """Forget all that was learnt; the paint stays."""
        self.settings = self._origin.forget(self.settings)
        if self.trainer is not None:
            self._rebuild(self._origin.start)

    def restore(self, model: Model, *, own: bool = False) -> None:
        """Go on from a model (`own`: out of this very training), with its classes and network.

        Raises
        ------
        ModelError
            If its classes are fewer than those painted, or its channels are not the image's.
        """
        shape = model.header.shape
        check_fits(shape, self._sheets.pictures.values(), self._sheets.paint.values())
        self._origin.adopt(model, own=own)
        self.settings = self._origin.settled(self.settings)
        self.classes = model.header.classes or tuple(f"class {i + 1}" for i in range(shape.classes))
        self._rebuild(model, answered=True)

    def model(self) -> Model:
        """The best model so far.

        Raises
        ------
        ModelError
            If nothing was learnt yet.
        """
        if self.trainer is None or not self.trainer.answered:
            raise ModelError("There is no model yet: paint a few strokes of two classes first.")
        return self._newest()

    def _newest(self) -> Model:
        """A copy of the weights that predict, even if they tell no classes yet."""
        trainer = cast("Trainer", self.trainer)
        return model_of(trainer, self.classes, self.settings, self._sheets.notes(), self._past)

    def _channels(self, source: Init | Model) -> int:
        """Channels of the open planes; where there are none, of the network so far."""
        for picture in self._sheets.pictures.values():
            return picture.channels
        if isinstance(source, Model):
            return source.header.shape.in_channels
        return cast("Trainer", self.trainer).base.in_channels

    def _rebuild(self, source: Init | Model, *, answered: bool = False) -> None:
        """A new trainer from `source`, with all planes and paint.

        What was held out stays held out: the weights may have learnt from the rest.

        Raises
        ------
        AnnotationError
            If paint has more classes than there are now; it is left out, the rest is in place.
        """
        old, preset = self.trainer, self.settings.network.preset
        volumes = () if self._anisotropy is None else (self._anisotropy,)
        base = start(preset, self._channels(source), len(self.classes), source, *volumes)
        generation = old.generation + 1 if old is not None else 1
        self._past = self._origin.past(source, pretrained=base.pretrained)
        trainer = Trainer(
            base, self.settings, self.device, generation,
            answered=answered, fitted=was_fitted(source),
        )  # fmt: skip
        self.trainer = trainer
        for name, picture in self._sheets.pictures.items():
            trainer.open(name, picture)
            if old is not None:
                squares.inherit(trainer, old, name)
        self.changed = self.changed or bool(trainer.splits)
        for name in self._sheets.pictures:
            self._apply(name)

    def _apply(self, plane: str) -> float | None:
        """Hand a plane's paint to the trainer; see `Trainer.annotate`."""
        sheets = self._sheets
        if self.trainer is None or plane not in sheets.pictures or plane not in sheets.paint:
            return None
        known = sheets.held.get(plane)
        agreement = squares.annotate(
            self.trainer, plane, sheets.paint[plane], held=known, aside=plane in sheets.aside
        )
        sheets.held[plane] = squares.held(self.trainer, plane)
        if known is None or not known.same_as(sheets.held[plane]):
            self.dealt[plane] = sheets.held[plane]
        self.changed = True
        return agreement
