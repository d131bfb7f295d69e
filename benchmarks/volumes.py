"""Volumes: one network with three axes against the 2-D network, from the same strokes.

    python benchmarks/volumes.py IMAGES LABELS [--seconds 60 | --steps N] [--seeds 1] [--slices 3]

IMAGES and LABELS are folders of TIFF volumes (Z, Y, X) of the same names; labels number objects,
and 0 is what lies between. Two strokes of each class are drawn on a few slices. With the same
seconds of training and the same strokes, three ways of segmenting the whole volume are compared:

- 2-D: slice by slice
- 2-D x3: the same network along all three axes, its probabilities averaged; the volume is
  stretched along z first, so that its voxels are cubes
- 3-D: the network with three axes

One line of JSON a run, then a table of mean IoU over the classes, all voxels counted. On a busy
machine take `--steps` and compare `train_cpu_s`, what the process computed.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import torch
from numpy.typing import NDArray
from scipy import ndimage as ndi
from skimage.segmentation import find_boundaries

from napari_unet.core.device import choose
from napari_unet.core.image import Picture, measure
from napari_unet.core.model import Model
from napari_unet.core.settings import Compute, Settings, changed
from napari_unet.engine.messages import Event, Trained
from napari_unet.engine.train import train

Volume = NDArray[Any]
_LENGTH, _WIDTH = 14, 2  # of a stroke, px
_CROWDED = 0.5  # share of labelled voxels from which on the walls between objects are the class


def classes_of(labels: Volume) -> NDArray[np.uint8]:
    """Background 1 and objects 2; in tissue without gaps, cells 1 and the walls between them 2."""
    if (labels > 0).mean() < _CROWDED:
        return np.where(labels > 0, 2, 1).astype(np.uint8)
    walls = np.stack([find_boundaries(part, mode="thick") for part in labels])
    return np.where(walls, 2, 1).astype(np.uint8)


def strokes(truth: NDArray[np.uint8], slices: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Two strokes of each class on each of some slices, evenly apart: a straight line each."""
    paint = np.zeros_like(truth)
    for z in np.linspace(0, len(truth) - 1, slices + 2).round().astype(int)[1:-1]:
        for number in (1, 2):
            inside = truth[z] == number
            depth = ndi.distance_transform_edt(inside)
            deep = np.argwhere(depth >= min(_WIDTH, depth.max()))
            for _ in range(2):
                y, x = deep[rng.integers(len(deep))]
                paint[z][_line(inside, y, x, rng.uniform(0, np.pi))] = number
    return paint


def _line(inside: NDArray[np.bool_], y: int, x: int, angle: float) -> NDArray[np.bool_]:
    """What of a line through a pixel lies within the class and is connected to that pixel."""
    along = np.linspace(-_LENGTH / 2, _LENGTH / 2, 4 * _LENGTH)
    rows = np.clip(np.rint(y + along * np.sin(angle)).astype(int), 0, inside.shape[0] - 1)
    columns = np.clip(np.rint(x + along * np.cos(angle)).astype(int), 0, inside.shape[1] - 1)
    line = np.zeros_like(inside)
    line[rows, columns] = True
    line = ndi.binary_dilation(line) & inside
    numbered, _ = ndi.label(line)
    return line & (numbered == numbered[y, x])


def probabilities(model: Model, volume: Volume, axis: int) -> NDArray[np.float32]:
    """Class probabilities (K, Z, Y, X) of a 2-D model, slice by slice along an axis.

    Grey values are normalised in each slice, as where the program segments plane by plane.
    """
    predictor = model.predictor(choose(Compute(), spare=0))
    whole = measure(volume[None])
    parts = []
    for part in np.moveaxis(volume, axis, 0):
        picture = Picture.of(part[None]) if np.ptp(part) else Picture(part[None], whole)
        found = np.zeros((len(predictor.weight), *part.shape), np.float32)
        for tile, shares in predictor.mean(picture, predictor.tiles(picture), mirrored=False):
            found[(slice(None), *tile.write)] = shares.float().numpy()
        parts.append(found)
    return np.stack(parts, axis + 1)


def along_all_axes(model: Model, volume: Volume, anisotropy: float) -> NDArray[np.uint8]:
    """Classes by the mean over the three axes of a volume whose voxels are made cubes."""
    cubes = ndi.zoom(volume.astype(np.float32), (anisotropy, 1, 1), order=1)
    mean = sum(probabilities(model, cubes, axis) for axis in range(3))
    back = len(volume) / cubes.shape[0]
    return np.stack([ndi.zoom(p, (back, 1, 1), order=1) for p in mean]).argmax(0) + 1


def mean_iou(found: Volume, truth: Volume) -> float:
    """Mean over the two classes."""
    return float(np.mean([
        ((found == k) & (truth == k)).sum() / ((found == k) | (truth == k)).sum() for k in (1, 2)
    ]))  # fmt: skip


@dataclass
class Row:
    """How one way of segmenting a volume went."""

    way: str
    mean_iou: float
    steps: int
    train_cpu_s: float
    segment_cpu_s: float
    segment_s: float


def trained(*what: list[Volume], **options: object) -> tuple[Model, int, float]:
    """A model, the steps that it took and the seconds of computing."""
    steps, began = [0], time.process_time()

    def hear(event: Event) -> None:
        if isinstance(event, Trained):
            steps[0] = event.step

    model = train(*what, report=hear, **options)
    return model, steps[0], time.process_time() - began


def run(
    volume: Volume, truth: Volume, paint: Volume, anisotropy: float, **options: object
) -> Iterator[Row]:
    """Each way, with the same strokes and options of the training."""
    painted = np.flatnonzero(paint.any((1, 2)))
    flat = trained([volume[z] for z in painted], [paint[z] for z in painted], **options)
    deep = trained([volume], [paint], anisotropy=anisotropy, **options)
    compute = Compute(mirrors=False)
    ways: dict[str, tuple[tuple[Model, int, float], Callable[[Model], Volume]]] = {
        "2-D": (flat, lambda model: probabilities(model, volume, 0).argmax(0) + 1),
        "3-D": (deep, lambda model: model.segment(volume, compute=compute)),
        "2-D x3": (flat, lambda model: along_all_axes(model, volume, anisotropy)),
    }
    for way, ((model, steps, spent), segment) in ways.items():
        cpu, began = time.process_time(), time.perf_counter()
        found = segment(model)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - began
        yield Row(way, mean_iou(found, truth), steps, spent, cpu, wall)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", type=Path)
    parser.add_argument("labels", type=Path)
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--seconds", type=float)
    length.add_argument("--steps", type=int)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--slices", type=int, default=3)
    parser.add_argument("--anisotropy", type=float, default=2.0, help="of all volumes")
    parser.add_argument("--only", default="", help="part of the names of volumes to take")
    args = parser.parse_args()
    torch.manual_seed(0)
    table: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for path in sorted(p for p in args.images.glob("*.tif") if args.only in p.name):
        volume, labels = tifffile.imread(path), tifffile.imread(args.labels / path.name)
        truth = classes_of(labels)
        for seed in range(args.seeds):
            paint = strokes(truth, args.slices, np.random.default_rng(seed))
            settings = changed(Settings(), "training", seed=seed)
            length = {"seconds": args.seconds, "steps": args.steps, "settings": settings}
            for row in run(volume, truth, paint, args.anisotropy, **length):
                table[path.stem][row.way].append(row.mean_iou)
                said = {k: round(v, 4) if isinstance(v, float) else v
                        for k, v in asdict(row).items()}  # fmt: skip
                print(json.dumps({"volume": path.stem, "seed": seed, **said}), flush=True)
    print(f"\n{'volume':32}" + "".join(f"{way:>9}" for way in ("2-D", "3-D", "2-D x3")))
    for name, ways in table.items():
        print(f"{name:32}" + "".join(f"{np.mean(scores):9.3f}" for scores in ways.values()))


if __name__ == "__main__":
    main()
