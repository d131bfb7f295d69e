"""Training on wholly annotated images for a known budget, with checkpoints: for the scripts beside.

A run lies in a folder of its own: `checkpoint.pt`, from which the same command goes on, `log.jsonl`
and, once the budget is used up, `model.safetensors`.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
from skimage.io import imread

from napari_unet.core.annotations import Annotations
from napari_unet.core.device import Device, choose
from napari_unet.core.image import Picture, as_plane
from napari_unet.core.model import Model, load
from napari_unet.core.prediction import Predictor
from napari_unet.core.presets import start
from napari_unet.core.settings import Settings
from napari_unet.core.training import Trainer


@dataclass(frozen=True)
class Plane:
    """An image (Y, X) and its paint (Y, X) uint8: 0 unlabelled, 1 background, 2 inside."""

    name: str
    image: np.ndarray
    paint: np.ndarray


@dataclass(frozen=True)
class Budget:
    """When a run ends: whichever comes first; seconds count only while it runs."""

    steps: int
    seconds: float = float("inf")

    def spent(self, steps: int, seconds: float) -> float:
        """Share that is used up."""
        return max(steps / self.steps, seconds / self.seconds)


def arguments(description: str | None, steps: int) -> argparse.ArgumentParser:
    """The options that all scripts have."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with images/ and labels/")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoints")
    parser.add_argument("--steps", type=int, default=steps)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--threads", type=int, default=2)
    return parser


def read(data: Path, stem: str) -> tuple[np.ndarray, np.ndarray]:
    """An image and its labels."""
    return imread(data / "images" / f"{stem}.png"), imread(data / "labels" / f"{stem}.png")


def trained(
    folder: Path,
    planes: Iterable[Plane],
    settings: Settings,
    budget: Budget,
    init: str = "bundled",
    every: float = 60.0,
) -> Model:
    """Train, or go on with a training, or open its model; a checkpoint each `every` seconds."""
    done = folder / "model.safetensors"
    if done.exists():
        return load(done)
    folder.mkdir(parents=True, exist_ok=True)
    trainer = _prepared(planes, settings, init)
    passed, saved = _resumed(trainer, folder), time.monotonic()
    log = (folder / "log.jsonl").open("a")
    began, before = time.monotonic(), passed
    while (spent := budget.spent(trainer.steps, passed)) < 1:
        loss = trainer.step(spent)
        passed = before + time.monotonic() - began
        print(json.dumps({"step": trainer.steps, "s": round(passed, 1), "loss": round(loss, 4),
                          "cpu": round(time.process_time(), 1)}), file=log, flush=True)
        if time.monotonic() - saved > every:
            _save(folder, trainer, passed)
            saved = time.monotonic()
    _save(folder, trainer, passed)
    trainer.check()
    made = {"steps": trainer.steps, "seconds": round(passed)}
    model = Model.of(trainer.best, ("background", "inside"), settings, made)
    model.save(done)
    return model


def so_far(folder: Path, planes: Iterable[Plane], settings: Settings, init: str) -> Model:
    """The averaged weights of a run that has not ended."""
    trainer = _prepared(planes, settings, init)
    _resumed(trainer, folder)
    return Model.of(trainer.tuner.averaged, ("background", "inside"), settings,
                    {"steps": trainer.steps})


def inside(model: Model, image: np.ndarray, device: Device, orientations: Sequence = ()) -> np.ndarray:
    """Probability of class 2, (Y, X) float32, the mean over mirror images."""
    picture = Picture.of(as_plane(image))
    predictor = Predictor(model.net, device)
    found = np.zeros(picture.shape, np.float32)
    for tile, p in predictor.mean(picture, predictor.tiles(picture), mirrored=True):
        found[tile.write] = p[1].float().cpu().numpy()
    return found


def _prepared(planes: Iterable[Plane], settings: Settings, init: str) -> Trainer:
    torch.manual_seed(settings.training.seed)
    net = start(settings.network.preset, 1, 2, init)
    trainer = Trainer(net, settings, choose(settings.compute, spare=0))
    for plane in planes:
        trainer.open(plane.name, Picture.of(as_plane(plane.image)))
        trainer.annotate(plane.name, Annotations.of(plane.paint))
    trainer.answer()
    return trainer


def _resumed(trainer: Trainer, folder: Path) -> float:
    """Go on from a checkpoint, if there is one; returns the seconds that it took."""
    path = folder / "checkpoint.pt"
    if not path.exists():
        return 0.0
    saved = torch.load(path, weights_only=True)
    trainer.restore(saved["trainer"])
    return float(saved["seconds"])


def _save(folder: Path, trainer: Trainer, passed: float) -> None:
    part = folder / "checkpoint.part"
    torch.save({"trainer": trainer.state(), "seconds": passed}, part)
    part.replace(folder / "checkpoint.pt")
