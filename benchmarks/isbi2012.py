"""ISBI 2012: membranes in electron micrographs, trained on slices 0-19, tested on 20-29."""

from __future__ import annotations

import json
from dataclasses import astuple
from pathlib import Path

import numpy as np
from dense import Budget, Plane, arguments, inside, read, trained

from napari_unet.core.device import choose
from napari_unet.core.settings import Augmentation, Compute, Network, Settings, Training

CELL = 2  # membranes are what is between the cells: class 1


def planes(data: Path, slices: range) -> list[Plane]:
    found = []
    for number in slices:
        image, labels = read(data, f"slice{number:02d}")
        found.append(Plane(str(number), image, np.where(labels == 1, CELL, 1).astype(np.uint8)))
    return found


def settings(preset: str, args) -> Settings:
    return Settings(
        network=Network(preset=preset, working_scale="full"),
        training=Training(
            learning_rate=args.rate, batch=1, patch=args.patch, agreement=0.0, averaging=0.98,
            held_out=0.0, last_layer="trained", borders="own", border_weight=args.w0,
            border_sigma=5.0, seed=args.seed,
        ),
        augmentation=Augmentation(scale=1.1, contrast=0.2, brightness=0.2, noise=0.15),
        compute=Compute(device="cpu", threads=args.threads, precision="bf16"),
    )


def main() -> None:
    parser = arguments(__doc__, 800)
    parser.add_argument("--preset", default="compact")
    parser.add_argument("--init", default="bundled")
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--patch", type=int, default=260)
    parser.add_argument("--w0", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    chosen = settings(args.preset, args)
    model = trained(args.out, planes(args.data, range(18)), chosen, Budget(args.steps, args.seconds), args.init)


if __name__ == "__main__":
    main()
