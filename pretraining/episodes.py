"""Episodes for pre-training: a task, a few strokes, and the truth everywhere else.

An episode is what happens to a user: some classes are chosen, a few strokes are painted on one
image, and the whole of it (and of another image of its kind) should come out right.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage as ndi
from skimage.segmentation import find_boundaries
from torch import Tensor
from torch.nn import functional as F

from napari_unet.core.image import as_plane, measure
from napari_unet.core.sampling import place, read_image, read_labels
from napari_unet.core.settings import Augmentation
from procedural import Sample, scene

CLASSES = 8  # at most, in one episode
HELD = 5  # every fifth image of a set is kept aside, to choose the recipe by
GEOMETRY = Augmentation(scale=1.3, elastic=8.0)


@dataclass
class Episode:
    """images (2, 3, n, n) float32; support and truth (2, n, n) uint8, 0 = unlabelled."""

    images: Tensor
    support: Tensor
    truth: Tensor


def trained_on(folder: Path, without: Collection[str]) -> list[Path]:
    """The images that training sees: not those of sets `without`, and of the rest four in five."""
    paths = []
    for images in sorted(folder.glob("*/images")):
        if images.parent.name not in without:
            paths += [p for i, p in enumerate(sorted(images.iterdir())) if (i + 1) % HELD]
    return paths


def load(paths: Sequence[Path]) -> dict[str, list[Sample]]:
    """Images of folders <set>/images with their <set>/labels; uint16 labels are instances."""
    sets: dict[str, list[Sample]] = {}
    for path in paths:
        truth = iio.imread(next(path.parent.parent.glob(f"labels/{path.stem}.*")))
        plane = as_plane(iio.imread(path))
        kind = "instances" if truth.dtype == np.uint16 else "classes"
        truth = truth.astype(np.int32) + (kind == "classes")
        image = measure(plane).apply(plane).astype(np.float16)
        sets.setdefault(path.parent.parent.name, []).append(Sample(image, truth, kind))
    return sets


class Source:
    """An endless stream of episodes from real sets and a slowly renewed pool of made-up scenes."""

    def __init__(
        self, paths: Sequence[Path], seed: int, *, made_up: float, patch: int, pool: int = 160
    ) -> None:
        self.rng = np.random.default_rng(seed)
        self.generator = torch.Generator().manual_seed(seed)
        self.made_up, self.patch, self.pool_size = made_up, patch, pool
        self.sets = load(paths)
        sizes = np.array([len(v) for v in self.sets.values()], float)
        self.weights = np.sqrt(sizes) / np.sqrt(sizes).sum()
        self.pool: list[Sample] = []

    def _made_up(self) -> Sample:
        if len(self.pool) < self.pool_size or self.rng.random() < 0.15:
            sample = scene(self.rng)
            sample = Sample(measure(sample.image).apply(sample.image), sample.truth, sample.kind)
            if len(self.pool) < self.pool_size:
                self.pool.append(sample)
            else:
                self.pool[self.rng.integers(len(self.pool))] = sample
            return sample
        return self.pool[self.rng.integers(len(self.pool))]

    def _pair(self) -> tuple[Sample, Sample]:
        if self.rng.random() < self.made_up:
            sample = self._made_up()
            return sample, sample
        names = list(self.sets)
        images = self.sets[names[self.rng.choice(len(names), p=self.weights)]]
        first, second = (images[self.rng.integers(len(images))] for _ in range(2))
        return first, (second if self.rng.random() < 0.5 else first)

    def episode(self) -> Episode:
        """The next episode; tries again until at least two classes are painted and seen."""
        while True:
            first, second = self._pair()
            task = draw_task(
                self.rng, first.kind, max(int(first.truth.max()), int(second.truth.max()))
            )
            zoom = float(np.exp(self.rng.uniform(np.log(0.45), np.log(1.8))))
            crops = [self._crop(s, task, zoom) for s in (first, second)]
            truth = torch.stack([c[1] for c in crops])
            support = torch.zeros_like(truth)
            painted = 2 if self.rng.random() < 0.3 else 1
            count = int(self.rng.choice([1, 2, 4, 8]))
            for i in range(painted):
                support[i] = torch.from_numpy(strokes(self.rng, truth[i].numpy(), count))
            seen = torch.bincount(support.flatten().long(), minlength=CLASSES + 1)[1:] > 4
            if seen.sum() < 2:
                continue
            known = torch.cat([torch.tensor([False]), seen])
            truth = torch.where(known[truth.long()], truth, 0)
            support = torch.where(known[support.long()], support, 0)
            images = vary(self.rng, torch.stack([c[0] for c in crops]))
            return Episode(images, support.to(torch.uint8), truth.to(torch.uint8))

    def _crop(self, sample: Sample, task: str, zoom: float) -> tuple[Tensor, Tensor]:
        classes = apply_task(task, sample.truth)
        rare = np.argwhere(classes == self.rng.integers(1, classes.max() + 1))
        centre = rare[self.rng.integers(len(rare))] if len(rare) else np.array(classes.shape) / 2
        size = np.array(classes.shape)
        half = np.minimum(self.patch * zoom, size) / 2  # as much of the image as there is
        centre = np.clip(centre, half, size - half)
        points = place(tuple(map(float, centre)), self.patch, GEOMETRY, self.generator).points
        points = (points - points.mean((0, 1))) * zoom + torch.tensor(centre, dtype=torch.float32)
        image = read_image(torch.from_numpy(sample.image.astype(np.float32)), points)
        image = image.expand(3, -1, -1) if image.shape[0] == 1 else image
        return image, read_labels(torch.from_numpy(classes), points)


def draw_task(rng: np.random.Generator, kind: str, count: int) -> str:
    """Which classes this user is after; both images of an episode get the same ones."""
    if kind == "instances":
        return str(rng.choice(["object", "object", "border", "three", "rim"]))
    if count <= 2 or rng.random() < 0.5:
        return "all"
    return f"only {rng.integers(1, count + 1)}"


def apply_task(task: str, truth: NDArray[np.int32]) -> NDArray[np.int32]:
    """Class map 1…K (0 unlabelled) of a truth under a task."""
    if task == "all":
        return np.where(truth > CLASSES, 0, truth)
    if task.startswith("only"):
        return np.where(truth == 0, 0, 1 + (truth == int(task.split()[1]))).astype(np.int32)
    body = truth > 0
    if task == "object":
        return (1 + body).astype(np.int32)
    inner = find_boundaries(truth, connectivity=2, mode="thick")
    if task == "border":
        return (1 + inner).astype(np.int32)
    if task == "rim":
        return np.where(body & ~inner, 1, 2).astype(np.int32)
    return np.where(inner, 3, 1 + body).astype(np.int32)


def strokes(rng: np.random.Generator, truth: NDArray[np.integer], count: int) -> NDArray[np.uint8]:
    """Wandering strokes of 3 px inside each class of a truth (n, n): uint8, 0 = unlabelled.

    People paint inside things and keep off borders, so the fit must learn borders from insides.
    """
    out = np.zeros(truth.shape, np.uint8)
    dy, dx = (d.ravel() for d in np.mgrid[-1:2, -1:2])
    for k in range(1, int(truth.max()) + 1):
        depth = np.pad(ndi.distance_transform_edt(truth == k), 2)
        core = np.argwhere(depth >= max(1.0, min(rng.uniform(1, 4), 0.7 * depth.max())))
        if len(core) < 8:
            continue
        for _ in range(count):
            length = int(rng.integers(15, 60))
            heading = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.25, length))
            walk = np.cumsum([np.sin(heading), np.cos(heading)], axis=1)
            line = (core[rng.integers(len(core))][:, None] + walk).round().astype(int)
            line = np.clip(line, 1, len(depth) - 2)
            within = np.logical_and.accumulate(depth[line[0], line[1]] >= 1)
            y, x = (v[within, None] + d for v, d in zip(line, (dy, dx), strict=True))
            hit = depth[y, x] > 0
            out[y[hit] - 2, x[hit] - 2] = k
    return out


def vary(rng: np.random.Generator, images: Tensor) -> Tensor:
    """Grey-value changes: one look for both images (the microscope), a little each on its own."""
    grey = bool((images[:, 0] == images[:, 1]).all())
    if not grey and rng.random() < 0.5:  # mix colours, so no colour means anything by itself
        mix = np.linalg.qr(rng.standard_normal((3, 3)))[0] * rng.uniform(0.6, 1.4, 3)
        images = torch.einsum("dc,nchw->ndhw", torch.tensor(mix, dtype=torch.float32), images)
    if not grey and rng.random() < 0.25:
        images = images.mean(1, keepdim=True).expand(-1, 3, -1, -1)
    if rng.random() < 0.3:
        images = -images
    if rng.random() < 0.4:
        power = float(np.exp(rng.normal(0, 0.35)))
        low = images.amin((1, 2, 3), keepdim=True)
        span = images.amax((1, 2, 3), keepdim=True) - low + 1e-6
        images = ((images - low) / span) ** power
        images = (images - images.mean()) / (images.std() + 1e-6)
    gain, shift = np.exp(rng.normal(0, 0.2)), rng.normal(0, 0.25)
    images = images * gain + shift
    images = images * torch.exp(0.08 * torch.randn(2, 1, 1, 1)) + 0.08 * torch.randn(2, 1, 1, 1)
    if rng.random() < 0.3:
        images = F.avg_pool2d(images, 3, 1, 1, count_include_pad=False)
    level = rng.uniform(0, 0.35) ** 1.5 if rng.random() < 0.7 else 0.0
    noise = level * torch.randn(2, 1 if grey else 3, *images.shape[2:])
    return (images + noise).clamp(-10, 10)
