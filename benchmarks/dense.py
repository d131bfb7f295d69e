"""Training on annotated images for a known budget, with checkpoints: for the scripts beside.

A run lies in a folder of its own: `checkpoint.pt`, from which the same command goes on, `log.jsonl`
and, once the budget is used up, `model.safetensors`.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "0")

import numpy as np
import torch

from napari_unet.core.annotations import Annotations
from napari_unet.core.device import choose
from napari_unet.core.image import Picture, as_plane
from napari_unet.core.model import Model, load
from napari_unet.core.orientations import Orientation
from napari_unet.core.prediction import Predictor
from napari_unet.core.presets import start
from napari_unet.core.settings import Augmentation, Compute, Network, Settings, Training
from napari_unet.core.training import Trainer

CLASSES = ("background", "inside")


@dataclass(frozen=True)
class Plane:
    """An image (Y, X) and its paint (Y, X) uint8: 0 unlabelled, 1 background, 2 inside."""

    name: str
    image: np.ndarray
    paint: np.ndarray


@dataclass(frozen=True)
class Run:
    """What is trained, for how long, and where it is kept.

    Attributes
    ----------
    folder : of this run alone.
    settings : Settings
    steps, seconds : the budget, whichever is used up first; seconds count only while it trains.
    init : "bundled" or "random"
    """

    folder: Path
    settings: Settings
    steps: int
    seconds: float = float("inf")
    init: Literal["bundled", "random"] = "bundled"

    def spent(self, steps: int, seconds: float) -> float:
        """Share of the budget that is used up."""
        return max(steps / self.steps, seconds / self.seconds)

    def trained(self, planes: Sequence[Plane], every: float = 60.0) -> Model:
        """Train, or go on, or open what is done; a checkpoint every so many seconds."""
        done = self.folder / "model.safetensors"
        if done.exists():
            return load(done)
        self.folder.mkdir(parents=True, exist_ok=True)
        trainer = self._prepared(planes)
        before, began = self._resume(trainer), time.monotonic()
        passed, saved = before, began
        with (self.folder / "log.jsonl").open("a") as log:
            while (spent := self.spent(trainer.steps, passed)) < 1:
                trainer.spent = spent
                loss = trainer.step()
                passed = before + time.monotonic() - began
                row = {"step": trainer.steps, "s": round(passed, 1), "loss": round(loss, 4)}
                print(json.dumps(row), file=log, flush=True)
                if time.monotonic() - saved > every:
                    self._save(trainer, passed)
                    saved = time.monotonic()
        self._save(trainer, passed)
        trainer.check()
        made: dict[str, str | int | float] = {"steps": trainer.steps, "seconds": round(passed)}
        model = Model.of(trainer.best, CLASSES, self.settings, made)
        model.save(done)
        return model

    def so_far(self, planes: Sequence[Plane]) -> Model:
        """The averaged weights of a run that has not ended."""
        trainer = self._prepared(planes)
        seconds = self._resume(trainer)
        made: dict[str, str | int | float] = {"steps": trainer.steps, "seconds": round(seconds)}
        return Model.of(trainer.tuner.averaged, CLASSES, self.settings, made)

    def _prepared(self, planes: Sequence[Plane]) -> Trainer:
        torch.manual_seed(self.settings.training.seed)
        net = start(self.settings.network.preset, 1, len(CLASSES), self.init)
        trainer = Trainer(net, self.settings, choose(self.settings.compute, spare=0))
        for plane in planes:
            trainer.open(plane.name, Picture.of(as_plane(plane.image)))
            trainer.annotate(plane.name, Annotations.of(plane.paint))
        trainer.answer()
        return trainer

    def _resume(self, trainer: Trainer) -> float:
        """Go on from a checkpoint, if there is one; returns the seconds that it took."""
        path = self.folder / "checkpoint.pt"
        if not path.exists():
            return 0.0
        saved = torch.load(path, weights_only=True)
        trainer.restore(saved["trainer"])
        return float(saved["seconds"])

    def _save(self, trainer: Trainer, passed: float) -> None:
        part = self.folder / "checkpoint.part"
        torch.save({"trainer": trainer.state(), "seconds": passed}, part)
        part.replace(self.folder / "checkpoint.pt")


def settings(args: argparse.Namespace) -> Settings:
    """What dense annotation wants, and what the options say."""
    return Settings(
        network=Network(preset=args.preset, working_scale=args.scale),
        training=Training(
            learning_rate=args.rate, batch=1, patch=args.patch, agreement=0.0, averaging=0.98,
            held_out=0.0, last_layer="trained", border_weight=args.w0,
            far_background=args.far, seed=args.seed,
        ),
        augmentation=Augmentation(
            scale=1.1, contrast=0.2, brightness=0.2, noise=0.15, elastic=args.elastic
        ),
        compute=Compute(device="cpu", threads=args.threads, precision="bf16"),
    )  # fmt: skip


def arguments(description: str | None, **defaults: object) -> argparse.ArgumentParser:
    """The options that all scripts have."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawTextHelpFormatter
    )
    add = parser.add_argument
    add("--data", type=Path, required="data" not in defaults, help="has images/ and labels/")
    add("--out", type=Path, required=True, help="folder for checkpoints, model and log")
    add("--preset", choices=("compact", "paper"), default="compact")
    add("--init", choices=("bundled", "random"), default="bundled")
    add("--steps", type=int, default=1500)
    add("--seconds", type=float, default=float("inf"))
    add("--rate", type=float, default=3e-3, help="learning rate; halved for pre-trained weights")
    add("--patch", type=int, default=260, help="px; always 388 for paper")
    add("--scale", choices=("auto", "full", "half"), default="full")
    add("--w0", type=float, default=10.0, help="border weight")
    add("--far", type=float, default=0.0, help="weight of far background; 0: classes alike")
    add("--elastic", type=float, default=10.0, help="σ, px")
    add("--seed", type=int, default=0)
    add("--threads", type=int, default=2)
    add("--so-far", action="store_true", help="judge the checkpoint of a run that goes on")
    parser.set_defaults(**defaults)
    return parser


def run(args: argparse.Namespace) -> Run:
    """The run that the options describe."""
    return Run(args.out, settings(args), args.steps, args.seconds, args.init)


def model_of(args: argparse.Namespace, planes: Sequence[Plane]) -> Model:
    """The trained model, or as far as it is."""
    return run(args).so_far(planes) if args.so_far else run(args).trained(planes)


def inside(
    model: Model, image: np.ndarray, orientations: Sequence[Orientation] | None = None
) -> np.ndarray:
    """Probability of class 2, (Y, X) float32: the mean over orientations, or the default ones."""
    picture = Picture.of(as_plane(image))
    predictor = Predictor(model.net, choose(model.header.settings.compute, spare=0))
    predictor.orientations = orientations or predictor.orientations
    found = np.zeros(picture.shape, np.float32)
    for tile, shares in predictor.mean(picture, predictor.tiles(picture), mirrored=True):
        found[tile.write] = shares[1].float().cpu().numpy()
    return found
