"""Does *Where next?* spare strokes? Suggested places against random ones, with a simulated user.

    python benchmarks/where_next.py DATA --annotator annotator.py --out where_next.json
        [--sets NAME …] [--images 3] [--seeds 3] [--strokes 12] [--steps 0] [--threads 1]

DATA holds SET/images and SET/labels with equal stems: uint8 labels are classes, others are
objects (then: background and object). The annotator is a Python file with
`paint(classes, per_class, length=…, seed=…)` and
`correct(classes, prediction, strokes, count, length=…, seed=…)`, 0 = not labelled.

All begin with one stroke in each class. Then one stroke at a time: the user looks at a window
around a place, corrects the largest mistake in it, or confirms where there is none. Places are
*suggested* by the program, drawn at *random*, or, as a bound that nobody reaches by hand, chosen
at the largest *mistake* of the whole image. Mean IoU over the classes of the whole image; the
strokes needed are those until the IoU that random places reach in the end.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from skimage.io import imread

from napari_unet.core.annotations import Annotations
from napari_unet.core.device import choose
from napari_unet.core.image import Picture, as_plane
from napari_unet.core.presets import start
from napari_unet.core.settings import Settings, changed
from napari_unet.core.training import Trainer
from napari_unet.core.uncertainty import next_place, uncertainty

POLICIES = ("suggested", "random", "mistake")
WINDOW = 96  # px per side that the user looks at
LENGTH = 40  # px of a stroke
SIDE = 768  # px of the part of an image that is used
REMEMBERED = 8  # as the program does


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--annotator", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sets", nargs="*")
    for name, default in (("images", 3), ("seeds", 3), ("strokes", 12), ("steps", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--side", type=int, default=SIDE)
    args = parser.parse_args()
    annotator = load_module(args.annotator)
    names = args.sets or sorted(p.name for p in args.data.iterdir() if (p / "images").is_dir())
    rows: list[dict[str, Any]] = []
    for name in names:
        for stem, image, classes in cases(args.data / name, args.images, args.side):
            for seed in range(args.seeds):
                for policy in POLICIES:
                    curve = run(policy, image, classes, annotator, seed, args)
                    rows.append(
                        {"set": name, "image": stem, "seed": seed, "policy": policy, "iou": curve}
                    )
                    print(name, stem, seed, f"{policy:9}", *(f"{v:.3f}" for v in curve), flush=True)
                    args.out.write_text(json.dumps({"rows": rows, "needed": needed(rows)}))
    table(rows)


def load_module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("annotator", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def cases(folder: Path, count: int, side: int) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """A few images of a set with their classes 1…K, cut to the middle."""
    paths = sorted((folder / "images").iterdir())
    for index in np.unique(np.linspace(0, len(paths) - 1, count).astype(int)):
        path = paths[index]
        labels = imread(next((folder / "labels").glob(f"{path.stem}.*")))
        if labels.ndim != 2:
            continue
        if labels.dtype == np.uint8:
            classes = np.unique(labels, return_inverse=True)[1].reshape(labels.shape) + 1
        else:
            classes = (labels > 0) + 1
        classes = middle(classes.astype(np.uint8), side)
        if len(np.unique(classes)) > 1:
            yield path.stem, middle(imread(path), side), classes


def middle(array: np.ndarray, side: int) -> np.ndarray:
    y, x = (max(0, (n - side) // 2) for n in array.shape[:2])
    return np.ascontiguousarray(array[y : y + side, x : x + side])


def run(
    policy: str, image: np.ndarray, classes: np.ndarray, annotator: ModuleType, seed: int, args: Any
) -> list[float]:
    """Mean IoU after the first strokes, and after each further one."""
    rng = np.random.default_rng(seed)
    settings = changed(Settings(), "training", seed=seed)
    settings = changed(settings, "compute", threads=args.threads, device="cpu")
    plane = as_plane(image, rgb=image.ndim == 3)
    base = start("compact", len(plane), int(classes.max()), "bundled")
    trainer = Trainer(base, settings, choose(settings.compute, spare=0))
    trainer.open("a", Picture.of(plane))
    strokes = annotator.paint(classes, 1, length=LENGTH, seed=seed)
    told: list[tuple[int, int]] = []
    curve = []
    for count in range(args.strokes + 1):
        p = learn(trainer, strokes, args.steps)
        labels = (p.argmax(0) + 1).astype(np.uint8)
        curve.append(mean_iou(labels, classes))
        if count == args.strokes:
            break
        step = 1000 * seed + count
        if policy == "mistake":
            more = annotator.correct(classes, labels, strokes, 1, length=LENGTH, seed=step)
        else:
            place = tuple(int(rng.integers(n)) for n in classes.shape)
            if policy == "suggested":
                place = next_place(uncertainty(p), strokes > 0, told[-REMEMBERED:]) or place
                told.append(place)
            more = stroke_at(place, classes, labels, strokes, annotator, step)
        strokes = more
    return curve


def learn(trainer: Trainer, strokes: np.ndarray, steps: int) -> np.ndarray:
    """Take new strokes; the probabilities (K, Y, X) afterwards."""
    trainer.annotate("a", Annotations.of(strokes))
    trainer.answer()
    every = trainer.settings.training.check_every
    for step in range(1, steps + 1):
        trainer.step()
        if step % every == 0:
            trainer.check()
    picture, predictor = trainer.pictures["a"], trainer.predictor
    p = np.empty((trainer.base.classes, *picture.shape), np.float32)
    for tile in predictor.tiles(picture):
        features = predictor.features("a", picture, tile)
        p[(slice(None), *tile.write)] = predictor.probabilities(features).cpu().numpy()
    return p


def stroke_at(
    place: tuple[int, int],
    classes: np.ndarray,
    labels: np.ndarray,
    strokes: np.ndarray,
    annotator: ModuleType,
    seed: int,
) -> np.ndarray:
    """One more stroke within a window around a place, the way a user does it."""
    seen = np.zeros_like(classes)
    window = tuple(
        slice(max(0, min(at, n) - WINDOW // 2), at + WINDOW // 2)
        for at, n in zip(place, classes.shape, strict=True)
    )
    seen[window] = classes[window]
    after = annotator.correct(seen, labels, strokes, 1, length=LENGTH, seed=seed)
    if not np.array_equal(after, strokes):
        return after
    own = np.where((seen == classes[place]) & (strokes == 0), seen, 0).astype(np.uint8)
    if not own.any():  # all of it is painted
        return strokes
    return np.maximum(strokes, annotator.paint(own, 1, length=LENGTH, seed=seed))


def mean_iou(labels: np.ndarray, classes: np.ndarray) -> float:
    scores = []
    for number in np.unique(classes):
        one, other = labels == number, classes == number
        scores.append((one & other).sum() / (one | other).sum())
    return float(np.mean(scores))


def needed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of each set: mean IoU by strokes, and the strokes until what random places reach."""
    found = []
    for name in dict.fromkeys(row["set"] for row in rows):
        curves = {}
        for policy in POLICIES:
            runs = [r["iou"] for r in rows if r["set"] == name and r["policy"] == policy]
            if runs:
                curves[policy] = np.mean(runs, axis=0)
        if len(curves) < len(POLICIES):
            continue  # the first case of the set is not done yet
        target = float(curves["random"].max())
        strokes = {policy: until(curve, target) for policy, curve in curves.items()}
        iou = {policy: [round(float(v), 4) for v in curve] for policy, curve in curves.items()}
        found.append({"set": name, "target": target, "strokes": strokes, "iou": iou})
    return found


def until(curve: np.ndarray, target: float) -> float | None:
    """Strokes until a mean curve reaches a target, between two strokes by a straight line."""
    reached = np.flatnonzero(curve >= target - 1e-9)
    if not len(reached):
        return None
    after = int(reached[0])
    if after == 0:
        return 0.0
    low, high = curve[after - 1], curve[after]
    return round(after - 1 + float((target - low) / (high - low)), 2)


def table(rows: list[dict[str, Any]]) -> None:
    print(f"\n{'set':24} {'policy':10} {'first':>6} {'half':>6} {'end':>6}  strokes to {'target'}")
    for entry in needed(rows):
        for policy in POLICIES:
            iou, strokes = entry["iou"][policy], entry["strokes"][policy]
            wanted = "never" if strokes is None else f"{strokes:.1f}"
            print(
                f"{entry['set']:24} {policy:10} {iou[0]:6.3f} {iou[len(iou) // 2]:6.3f} "
                f"{iou[-1]:6.3f}  {wanted} (to {entry['target']:.3f})"
            )


if __name__ == "__main__":
    main()
