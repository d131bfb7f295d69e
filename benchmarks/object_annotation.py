"""Do painted objects part touching cells better than strokes of a class, or than a forest?

    python benchmarks/object_annotation.py [--seconds 30 | --steps 100] [--seeds 3] [--json]
    python benchmarks/object_annotation.py --images DIR --labels DIR [--files 3] \\
        --ways "objects 2015" forest --seconds 60

A simulated user annotates ten neighbouring cells of one image, and the background close to them:

- strokes: a stroke inside each cell, and strokes of background between them where there is room;
- areas: each cell whole, as paint of its class, so that touching cells are one area;
- objects: the same pixels, but each cell with an id of its own (borders 2015, and 2019);
- forest: those objects as classes with a ridge of background where they touch, as our network sees
  them, for the TrainableSegmenter of scikit-image (24 features a channel, 100 trees; it needs
  scikit-learn, and no seconds).

Networks learn for the same seconds (or steps, where the machine is busy). What is found in that
image, but for cells that were annotated in part or whole (*same*), and in up to two further ones
(*new*) is cut into objects in the same way, by shape and probability, those much smaller than the
annotated ones are dropped, and the rest is compared with the truth: F1 at IoU 0.5 and SEG, objects
pooled. By default the images are drawn here, and many cells touch. A folder of images
and one of true objects (0 for none) of the same names may be given instead; they are read, never
written.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
from scipy import ndimage as ndi
from skimage.measure import regionprops
from skimage.morphology import disk, skeletonize
from skimage.segmentation import relabel_sequential

from napari_unet.core.device import choose
from napari_unet.core.files import read_image, read_labels
from napari_unet.core.image import Picture, as_plane
from napari_unet.core.metrics import score_objects
from napari_unet.core.metrics.scores import ObjectScores
from napari_unet.core.objects import ObjectSettings, find_objects
from napari_unet.core.objects_paint import classes_of
from napari_unet.core.objects_size import smallest_like
from napari_unet.core.settings import Settings, changed
from napari_unet.engine.messages import Trained
from napari_unet.engine.train import train

WAYS = ("strokes", "areas", "objects 2015", "objects 2019", "forest")
CELLS = 10  # that are annotated
Pair: TypeAlias = tuple[str, np.ndarray, np.ndarray]  # name, image, true objects


def drawn(seed: int, side: int = 384) -> tuple[np.ndarray, np.ndarray]:
    """An image of cells, many of which touch without a line between them, and the cells."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side].astype(float)
    near, owner = np.full((side, side), np.inf), np.zeros((side, side), int)
    centres: list[np.ndarray] = []
    for at in rng.uniform(0, side, (600, 2)):
        if all(np.hypot(*(at - other)) > 25 for other in centres):
            centres.append(at)
    for number, (cy, cx) in enumerate(centres, start=1):
        angle, stretch, radius = rng.uniform(0, np.pi), rng.uniform(1, 1.5), rng.uniform(13, 18)
        along = np.cos(angle) * (x - cx) + np.sin(angle) * (y - cy)
        across = np.cos(angle) * (y - cy) - np.sin(angle) * (x - cx)
        distance = np.hypot(along / stretch, across * stretch**0.5) / radius
        closer = distance < np.minimum(near, 1)
        near[closer], owner[closer] = distance[closer], number
    grain = ndi.gaussian_filter(rng.normal(size=(side, side)), 3) * 5
    level = rng.uniform(0.7, 1.1, len(centres) + 1)[owner]
    dome = level * (1 - 0.2 * np.minimum(near, 1) ** 2)
    signal = np.where(owner > 0, dome + 0.08 * grain, 0.25 + 0.05 * grain)
    image = ndi.gaussian_filter(signal, 1.2) + 0.03 * rng.normal(size=(side, side))
    return np.clip(image * 190, 0, 255).astype(np.uint8), owner


def annotated(truth: np.ndarray, way: str) -> tuple[np.ndarray, np.ndarray]:
    """Paint of the chosen cells, and the box around them, which is not judged."""
    regions = regionprops(truth)
    places = np.array([region.centroid for region in regions])
    corner = np.array(truth.shape) * 0.3
    chosen = [regions[i].label for i in np.argsort(np.hypot(*(places - corner).T))[:CELLS]]
    inside = np.isin(truth, chosen)
    near = ndi.binary_dilation(inside, disk(8)) & (truth == 0)
    if way == "strokes":
        paint = np.zeros(truth.shape, np.uint8)
        for number in chosen:
            core = ndi.distance_transform_edt(truth == number)
            line = skeletonize(core > 0.6 * core.max())
            paint[ndi.binary_dilation(line, disk(2)) & (truth == number)] = 2
        middle = skeletonize(ndi.binary_erosion(near, disk(2)))
        paint[ndi.binary_dilation(middle, disk(1)) & near] = 1
    else:
        paint = np.where(near, 1, np.where(inside, truth + 1, 0))
        if way == "areas":
            paint = np.minimum(paint, 2)
    return paint, ndi.binary_dilation(inside | near, disk(3))


def by_network(
    image: np.ndarray, paint: np.ndarray, way: str, length: dict, seed: int
) -> tuple[Callable[[np.ndarray], np.ndarray], int]:
    """What gives the probability of a cell in each pixel of an image, and after how many steps."""
    settings, kind = changed(Settings(), "training", seed=seed), None
    if way.startswith("objects"):
        settings, kind = changed(settings, "training", borders=way.split()[1]), "sparse"
    steps = [0]
    model = train(
        [image], [paint], **length, settings=settings, objects=kind,
        classes=("background", "cell"),
        report=lambda event: steps.append(event.step) if isinstance(event, Trained) else None,
    )  # fmt: skip

    def ask(image: np.ndarray) -> np.ndarray:
        picture = Picture.of(as_plane(image))
        predictor = model.predictor(choose(settings.compute, spare=0))
        found = np.zeros(picture.shape, np.float32)
        for tile, shares in predictor.mean(picture, predictor.tiles(picture), mirrored=True):
            found[tile.write] = shares[1].float().cpu().numpy()
        return found

    return ask, max(steps)


def by_forest(
    image: np.ndarray, paint: np.ndarray, seed: int
) -> tuple[Callable[[np.ndarray], np.ndarray], int]:
    """The same of a random forest."""
    from skimage import feature, future
    from sklearn.ensemble import RandomForestClassifier

    features = partial(
        feature.multiscale_basic_features, sigma_min=0.5, sigma_max=16,
        channel_axis=-1 if image.ndim == 3 else None,
    )  # fmt: skip
    trees = RandomForestClassifier(100, n_jobs=2, random_state=seed)
    future.TrainableSegmenter(trees, features).fit(image, classes_of(paint))

    def ask(image: np.ndarray) -> np.ndarray:
        seen = features(image)
        return trees.predict_proba(seen.reshape(-1, seen.shape[-1]))[:, 1].reshape(seen.shape[:2])

    return ask, 0


def judged(images: list[Pair], way: str, length: dict, seed: int) -> dict:
    """Learn from the first image, and compare what is found in it and in the others."""
    _, image, truth = images[0]
    paint, seen = annotated(truth, "objects" if way == "forest" else way)
    ask, steps = (
        by_forest(image, paint, seed) if way == "forest"
        else by_network(image, paint, way, length, seed)
    )  # fmt: skip
    smallest = smallest_like(paint, range(2, 256)) if paint.max() > 2 else None
    objects = ObjectSettings() if smallest is None else ObjectSettings(smallest=smallest)
    same, new = scored(ask, objects, image, truth, seen), [
        scored(ask, objects, other, ids, np.zeros(ids.shape, bool)) for _, other, ids in images[1:]
    ]  # fmt: skip
    row = {"image": images[0][0], "way": way, "steps": steps, "painted": int((paint > 0).sum())}
    for name, scores in (("same", [same]), ("new", new)):
        if scores and (together := ObjectScores.together(scores)).true:
            rows = dict(together.rows())
            row |= {f"{name} F1": rows["F1 at IoU 0.5"], f"{name} SEG": rows["SEG"]}
            row |= {f"{name} cells": together.true, f"{name} found": together.found}
    return {key: round(v, 3) if isinstance(v, float) else v for key, v in row.items()}


def scored(
    ask: Callable[[np.ndarray], np.ndarray],
    objects: ObjectSettings,
    image: np.ndarray,
    truth: np.ndarray,
    seen: np.ndarray,
) -> ObjectScores:
    """How well objects are found where nothing was annotated."""
    cells = ask(image)
    classes = np.where(cells > 0.5, 2, 1)
    found = find_objects(classes, 2, objects, probability=cells).astype(int)
    parts = [np.where(np.isin(ids, np.unique(ids[seen])), 0, ids) for ids in (truth, found)]
    return score_objects(*parts)


def pairs(options: argparse.Namespace) -> list[Pair]:
    """All images; the first `files` of them are annotated in turn."""
    if options.images is None:
        return [(f"drawn {seed}", *drawn(seed)) for seed in range(options.seeds)]
    found = []
    for path in sorted(options.labels.iterdir())[: options.files + 2]:
        image = next(p for p in options.images.iterdir() if p.stem == path.stem)
        truth = relabel_sequential(read_labels(path, objects=True).astype(int))[0]
        found.append((path.stem, read_image(image), truth))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--seconds", type=float, default=30)
    length.add_argument("--steps", type=int)
    parser.add_argument("--seeds", type=int, default=3, help="images that are drawn")
    parser.add_argument("--images", type=Path)
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--files", type=int, default=3, help="images that are annotated in turn")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    length = {"steps": options.steps} if options.steps else {"seconds": options.seconds}
    images = pairs(options)
    rows = []
    for seed in range(min(len(images), options.files if options.images else len(images))):
        turned = (images[seed:] + images[:seed])[:3]
        for way in options.ways:
            row = judged(turned, way, length, seed)
            rows.append(row)
            print(json.dumps(row) if options.json else row, flush=True)
    for way in options.ways:
        mine = [row for row in rows if row["way"] == way]
        keys = [f"{where} {what}" for where in ("same", "new") for what in ("F1", "SEG")]
        known = {key: [row[key] for row in mine if key in row] for key in keys}
        means = {key: round(float(np.mean(v)), 3) for key, v in known.items() if v}
        print(json.dumps({"way": way, **means}), flush=True)


if __name__ == "__main__":
    main()
