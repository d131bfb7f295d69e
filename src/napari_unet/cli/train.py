"""`napari-unet train`: a model from annotated images."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from napari_unet.cli.models import open_model
from napari_unet.cli.output import Progress, Refusal, result, say, score
from napari_unet.cli.painted_project import Material, read_project
from napari_unet.cli.pairs import check_pair, pair
from napari_unet.cli.parser import chosen_settings
from napari_unet.cli.volumes import read_volumes
from napari_unet.core.device import DeviceError
from napari_unet.core.files import read_image, read_labels
from napari_unet.core.image import ImageError, as_plane
from napari_unet.core.model import Model
from napari_unet.engine.messages import Advised, Answered, Event, Judged, Ready, Rested, Trained
from napari_unet.engine.train import TrainingError, train


def _init(said: str) -> str | Model:
    """What the network starts from: a model file where it is not one of the two words."""
    return said if said in ("bundled", "random") else open_model(Path(said))


def run(options: argparse.Namespace) -> int:
    """Train and save a model."""
    _check_out(options.out)
    if options.project and options.objects:
        raise Refusal("A project says itself which strokes are objects: leave --objects out.")
    anisotropy = 1.0
    if options.volume:
        found, anisotropy = read_volumes(options)
    else:
        found = read_project(options.project) if options.project else _from_files(options)
    _tell_aside(found.aside)
    watch = Watch(options.seconds, options.steps)
    try:
        model = train(
            found.images,
            found.paints,
            classes=options.classes or found.classes or None,
            names=found.names,
            aside=found.aside or None,
            seconds=options.seconds,
            steps=options.steps,
            settings=chosen_settings(options),
            init=_init(options.init),
            objects=options.objects,
            anisotropy=anisotropy,
            report=watch.hear,
        )
    except (DeviceError, ImageError, TrainingError) as error:
        raise Refusal(str(error)) from error
    finally:
        watch.progress.end()
    _save(model, options.out)
    result(
        as_json=options.json,
        text=f"Wrote {options.out}: {watch.summary()}.",
        model=str(options.out),
        images=len(found.images),
        classes=list(model.header.classes),
        **watch.values(),
    )
    return 0


def _tell_aside(aside: Sequence[bool]) -> None:
    """Say how many planes are only judged by."""
    if kept := sum(aside):
        say(f"{kept} of {len(aside)} painted planes are kept for validation: judged by only.")


def _save(model: Model, path: Path) -> None:
    try:
        model.save(path)
    except OSError as error:
        raise Refusal(
            f"The model cannot be written to {path}: {error.strerror or error}."
        ) from error


class Watch:
    """Follows a training: shows how it goes and remembers how it went.

    Parameters
    ----------
    seconds, steps : float or int, optional
        When it will end.
    """

    def __init__(self, seconds: float | None, steps: int | None) -> None:
        self.progress = Progress()
        self._until = f"/{seconds:g} s" if seconds else " s"
        self._of = "" if steps is None else f"/{steps}"
        self._began = time.perf_counter()
        self.step, self.loss = 0, float("nan")
        self.held_out: float | None = None
        self.first_answer: float | None = None
        self.seconds = 0.0

    def hear(self, event: Event) -> None:
        """Take note of an event of the engine."""
        match event:
            case Ready():
                self._began = time.perf_counter()
            case Answered():
                self.first_answer = self.first_answer or event.seconds
            case Trained():
                self.step, self.loss = event.step, event.loss
            case Judged():
                self.held_out = event.held_out
            case Advised():
                self._say(event.sentence)
            case Rested():
                self._say(event.reason)
            case _:
                return
        self.seconds = time.perf_counter() - self._began
        self.progress.show(
            f"step {self.step}{self._of}  {self.seconds:.0f}{self._until}  "
            f"loss {score(self.loss)}  held-out score {score(self.held_out)}",
            self.seconds,
        )

    def summary(self) -> str:
        """How it went, for people."""
        steps = f"{self.step} step{'s' * (self.step != 1)}"
        return f"{steps} in {self.seconds:.0f} s, held-out score {score(self.held_out)}"

    def values(self) -> dict[str, object]:
        """How it went, for machines."""
        return {
            "steps": self.step,
            "seconds": round(self.seconds, 2),
            "first_answer_seconds": self.first_answer,
            "loss": self.loss,
            "held_out": self.held_out,
        }

    def _say(self, sentence: str) -> None:
        self.progress.end()
        say(sentence)


def _from_files(options: argparse.Namespace) -> Material:
    files = pair(options.images, options.annotations)
    pairs = [_read(image, paint, options.objects) for image, paint in files]
    images, paints = map(list, zip(*pairs, strict=True))
    return Material(images, paints, [image.name for image, _ in files], ())


def _check_out(path: Path) -> None:
    """Find out now, not after the training, that the model cannot be written."""
    if path.is_dir():
        raise Refusal(
            f"{path} is a folder: name the model file to write, as {path}/model.safetensors."
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refusal(f"The folder {path.parent} cannot be made: {error.strerror}.") from error
    if not os.access(path.parent, os.W_OK):
        raise Refusal(f"The folder {path.parent} may not be written to: choose another one.")


def _read(
    image_path: Path, paint_path: Path, objects: str | None
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Read a pair of files; what is wrong with one is said with its name."""
    image, paint = read_image(image_path), read_labels(paint_path, objects=bool(objects))
    check_pair((image_path, image), (paint_path, paint), as_plane, axes=2)
    return image, paint
