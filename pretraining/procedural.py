"""Made-up microscopy: an endless stream of images with their truth.

Each scene is a set of shapes (membranes, blobs, fibres, textured regions) rendered through one of
several made-up microscopes (fluorescence, stained bright field, phase contrast, DIC, electron).
All is drawn from wide random ranges. No real image goes in, but some ranges (uneven light, flat
DIC discs, grainy and slanted membranes) were widened after looking at where early weights failed
on three evaluation sets; results on those sets are not blind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi
from scipy.spatial import cKDTree

Array = NDArray[np.float32]
Rng = np.random.Generator


@dataclass(frozen=True)
class Sample:
    """An image (C, Y, X) float32 and its truth (Y, X) int32.

    kind "instances": 0 is background and each object has its id; "classes": 1…K, 0 unlabelled.
    """

    image: Array
    truth: NDArray[np.int32]
    kind: Literal["instances", "classes"]


def scene(rng: Rng, size: int = 512) -> Sample:
    """One random scene of `size` px a side."""
    makers = (membranes, membranes, blobs, blobs, textures, fibres)
    sample = makers[rng.integers(len(makers))](rng, size)
    if sample.image.shape[0] == 1 and rng.random() < 0.3:
        return Sample(tinted(rng, sample.image), sample.truth, sample.kind)
    return sample


# -- building blocks ----------------------------------------------------------------------


def noise(rng: Rng, size: int, sigma: float) -> Array:
    """Gaussian random field of correlation length `sigma` px, zero mean, unit variance."""
    step = max(1, int(sigma / 2))
    coarse = rng.standard_normal((size // step + 8, size // step + 8)).astype(np.float32)
    field = ndi.gaussian_filter(coarse, sigma / step, mode="wrap")
    if step > 1:
        field = ndi.zoom(field, step, order=1)
    field = field[:size, :size]
    return ((field - field.mean()) / (field.std() + 1e-6)).astype(np.float32)


def log_uniform(rng: Rng, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def voronoi(rng: Rng, size: int, spacing: float) -> tuple[NDArray[np.int32], Array]:
    """Jittered, warped Voronoi cells: their ids from 1, and the distance to their borders in px."""
    side = np.arange(-1, size / spacing + 2)
    y, x = np.meshgrid(side, side, indexing="ij")
    seeds = np.stack([y.ravel(), x.ravel()], 1) + rng.uniform(-0.5, 0.5, (y.size, 2)) * rng.uniform(
        0.4, 1.3
    )
    keep = rng.random(len(seeds)) > rng.uniform(0, 0.4)  # holes make cells of unequal size
    seeds = (seeds[keep] if keep.sum() > 8 else seeds) * spacing
    py, px = np.mgrid[:size, :size].astype(np.float32)
    for scale, strength in ((spacing * 0.8, 0.18), (spacing * 0.25, 0.05)):
        amount = rng.uniform(0, 2) * strength * spacing
        py = py + amount * noise(rng, size, max(2.0, scale))
        px = px + amount * noise(rng, size, max(2.0, scale))
    stretch = log_uniform(rng, 0.6, 1.7)
    query = np.stack([py.ravel() * stretch, px.ravel()], 1)
    seeds = seeds * [stretch, 1]
    distance, owner = cKDTree(seeds).query(query, k=2, workers=1)
    gap = seeds[owner[:, 0]] - seeds[owner[:, 1]]
    edge = (distance[:, 1] ** 2 - distance[:, 0] ** 2) / (2 * np.linalg.norm(gap, axis=1) + 1e-6)
    ids = (owner[:, 0] + 1).astype(np.int32).reshape(size, size)
    return ids, edge.astype(np.float32).reshape(size, size)


def outline(rng: Rng, radius: float, roughness: float) -> tuple[NDArray[np.bool_], Array]:
    """A random star-convex shape in its own box: mask, and depth from 0 at the rim to 1."""
    box = int(radius * 2.2) + 3
    y, x = np.mgrid[-box : box + 1, -box : box + 1].astype(np.float32)
    turn, stretch = rng.uniform(0, np.pi), log_uniform(rng, 1, 2)
    u = (np.cos(turn) * x + np.sin(turn) * y) * np.sqrt(stretch)
    v = (-np.sin(turn) * x + np.cos(turn) * y) / np.sqrt(stretch)
    angle, r = np.arctan2(v, u), np.hypot(u, v)
    limit = np.ones_like(r)
    for k in range(2, 7):
        limit += roughness * rng.normal() / k * np.cos(k * angle + rng.uniform(0, 2 * np.pi))
    depth = 1 - r / (radius * np.clip(limit, 0.3, 2))
    return depth > 0, np.clip(depth, 0, 1)


def scatter(
    rng: Rng, size: int, radius: float, count: int
) -> tuple[NDArray[np.int32], Array, Array]:
    """Throw shapes on a plane: ids, dome height (0…1) and each object's own brightness."""
    ids = np.zeros((size, size), np.int32)
    dome = np.zeros((size, size), np.float32)
    level = np.zeros((size, size), np.float32)
    spread, rough, overlap = rng.uniform(0, 0.5), rng.uniform(0, 0.35), rng.uniform(0, 0.35)
    vary, clump = rng.uniform(0, 0.6), rng.random() < 0.4
    hubs = rng.uniform(0, size, (max(1, count // 8), 2))
    for k in range(1, count + 1):
        r = radius * float(np.exp(spread * rng.normal()))
        mask, depth = outline(rng, min(r, size / 2.5), rough)
        half = mask.shape[0] // 2
        at = (
            hubs[rng.integers(len(hubs))] + rng.normal(0, 2.5 * radius, 2)
            if clump
            else rng.uniform(0, size, 2)
        )
        cy, cx = (int(np.clip(a, 0, size - 1)) for a in at)
        y0, y1, x0, x1 = (
            max(0, cy - half),
            min(size, cy + half + 1),
            max(0, cx - half),
            min(size, cx + half + 1),
        )
        win = (slice(y0, y1), slice(x0, x1))
        cut = (slice(y0 - cy + half, y1 - cy + half), slice(x0 - cx + half, x1 - cx + half))
        m, d = mask[cut], depth[cut]
        if m.sum() < 12 or (m & (ids[win] > 0)).sum() > overlap * m.sum():
            continue
        new = m & (ids[win] == 0)
        ids[win][new] = k
        level[win][new] = np.exp(vary * rng.normal())
        dome[win][new] = d[new]
    return ids, dome, level


def finish(rng: Rng, image: Array) -> Array:
    """Blur, uneven light, shot and read noise, and inverted contrast now and then."""
    size = image.shape[-1]
    image = (image - image.mean()) / (image.std() + 1e-6)
    if rng.random() < 0.6:
        image = ndi.gaussian_filter(image, (0, *[log_uniform(rng, 0.4, 2.0)] * 2))
    if rng.random() < 0.5:
        image = image * (1 + rng.uniform(0, 0.4) * noise(rng, size, size / 3))
    if rng.random() < 0.5:
        image = image + rng.uniform(0, 0.8) * noise(rng, size, size / 3)
    if rng.random() < 0.25:  # light so uneven that grey values alone mean nothing
        y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
        cy, cx, ly, lx = rng.normal(0, 1, 4)
        slope = ly * y + lx * x + rng.normal(0, 0.7) * ((y - cy) ** 2 + (x - cx) ** 2)
        image = image + rng.uniform(0.5, 3) * slope.astype(np.float32) / (slope.std() + 1e-6)
    grain = rng.standard_normal(image.shape).astype(np.float32)
    if rng.random() < 0.5:
        grain = ndi.gaussian_filter(grain, (0, *[rng.uniform(0.4, 1.2)] * 2))
        grain /= grain.std() + 1e-6
    strength = rng.uniform(0, 1.0) ** 1.7
    bright = image - image.min()
    shot = np.sqrt(bright / (bright.mean() + 1e-6)) if rng.random() < 0.5 else 1.0
    image = image + strength * shot * grain
    return (-image if rng.random() < 0.35 else image).astype(np.float32)


def tinted(rng: Rng, image: Array) -> Array:
    """Three channels from one: a random colour axis and slightly different noise in each."""
    gains = rng.uniform(0.3, 1.2, (3, 1, 1)) * rng.choice([1, 1, 1, -1], (3, 1, 1))
    grain = rng.standard_normal((3, *image.shape[1:]))
    return (image * gains + rng.uniform(0, 0.2) * grain).astype(np.float32)


# -- scenes -------------------------------------------------------------------------------


def membranes(rng: Rng, size: int) -> Sample:
    """Cells between membranes, as in electron or membrane-stain images, with organelles."""
    spacing = log_uniform(rng, 14, 110)
    ids, edge = voronoi(rng, size, spacing)
    width = np.clip(
        log_uniform(rng, 0.9, 5) * (1 + 0.3 * noise(rng, size, spacing)), 0.7, spacing / 5
    )
    membrane = edge < width
    profile = np.exp(-((edge / (width * rng.uniform(0.6, 1.1))) ** 2))
    strength = 1 + rng.uniform(0, 0.5) * noise(
        rng, size, spacing * rng.uniform(0.3, 1)
    )  # fading membranes
    contrast = rng.uniform(1.5, 4)
    image = -contrast * np.clip(strength, 0.15, 2) * profile
    image += (
        rng.uniform(0, 0.8) * rng.standard_normal(ids.max() + 1).astype(np.float32)[ids]
    )  # grey of a cell
    image += rng.uniform(0, 0.5) * noise(rng, size, rng.uniform(1, 4)) * (edge > width)
    image += rng.uniform(0, 0.5) * noise(rng, size, rng.uniform(4, 15))
    if rng.random() < 0.5:  # the grain of cytoplasm
        image += (
            rng.uniform(0, 0.5)
            * contrast
            * noise(rng, size, rng.uniform(0.7, 2.0))
            * (edge > 0.7 * width)
        )
    if rng.random() < 0.4:  # membranes cut at a slant: wide and faint in places
        slant = np.clip(noise(rng, size, 1.5 * spacing), 0, 2)
        image = image + slant * (ndi.gaussian_filter(image, rng.uniform(1.5, 4)) - image) / 2
    truth = np.where(membrane, 2, 1).astype(np.int32)
    if rng.random() < 0.65:
        image, truth = organelles(rng, image, truth, edge, width, spacing, contrast)
    if rng.random() < 0.4:
        image = vesicles(rng, image, edge > 2 * width, contrast)
    if rng.random() < 0.25 and truth.max() == 2:
        truth = np.where(membrane, 0, ids)
        return Sample(finish(rng, image[None]), truth.astype(np.int32), "instances")
    return Sample(finish(rng, image[None]), truth, "classes")


def organelles(
    rng: Rng,
    image: Array,
    truth: NDArray[np.int32],
    edge: Array,
    width: Array,
    spacing: float,
    contrast: float,
) -> tuple[Array, NDArray[np.int32]]:
    """Dark bodies with inner folds: part of the cell in half of the scenes, else a class."""
    size = image.shape[0]
    radius = max(4.0, spacing * rng.uniform(0.08, 0.25))
    bodies, dome, _ = scatter(
        rng, size, radius, int(rng.uniform(0.05, 0.3) * (size / radius / 2) ** 2 * 0.4) + 1
    )
    inside = (bodies > 0) & (edge > width + 1)
    turn = rng.uniform(0, np.pi)
    y, x = np.mgrid[:size, :size].astype(np.float32)
    phase = (np.cos(turn) * x + np.sin(turn) * y) / rng.uniform(1.0, 2.5) + 2 * noise(rng, size, 8)
    body = -rng.uniform(0.2, 0.7) * contrast * (1 + rng.uniform(0, 0.5) * np.sin(phase))
    rim = -rng.uniform(0, 0.8) * contrast * np.exp(-((dome * radius / 1.5) ** 2))
    image = np.where(inside, image * 0.3 + body + rim, image).astype(np.float32)
    if rng.random() < 0.5:
        truth = np.where(inside, 3, truth).astype(np.int32)
    return image, truth


def vesicles(rng: Rng, image: Array, where: NDArray[np.bool_], contrast: float) -> Array:
    """Small dark rings or dots that belong to no class."""
    size = image.shape[0]
    dots = np.zeros((size, size), np.float32)
    count = int(size * size * 10 ** rng.uniform(-3.6, -2.4))
    dots[rng.integers(0, size, count), rng.integers(0, size, count)] = 1
    dots *= noise(rng, size, 40) > rng.uniform(-1, 1)
    r = rng.uniform(0.8, 2)
    ring = (
        ndi.gaussian_filter(dots, r) * r * r
        - rng.uniform(0, 1) * ndi.gaussian_filter(dots, r / 2) * (r / 2) ** 2
    )
    return (image - contrast * rng.uniform(1, 5) * ring * where).astype(np.float32)


def blobs(rng: Rng, size: int) -> Sample:
    """Nuclei, cells, bacteria: separate, touching or packed, under any of five microscopes."""
    radius = log_uniform(rng, 4, 70)
    count = int(np.clip(rng.uniform(0.1, 1.2) * (size / radius / 2) ** 2, 3, 350))
    if rng.random() < 0.25:
        ids, edge = voronoi(rng, size, 2.2 * radius)
        keep = rng.random(ids.max() + 1) < rng.uniform(0.3, 1)
        ids = np.where((edge > rng.uniform(0.5, 2)) & keep[ids], ids, 0).astype(np.int32)
        dome = np.clip(edge / radius, 0, 1)
        level = np.exp(0.4 * rng.standard_normal(ids.max() + 1)).astype(np.float32)[ids]
    else:
        ids, dome, level = scatter(rng, size, radius, count)
    styles = (fluorescence, stained, phase, relief, rings)
    image = styles[rng.integers(len(styles))](rng, ids, dome, level, radius)
    return Sample(finish(rng, image), ids, "instances")


def fluorescence(
    rng: Rng, ids: NDArray[np.int32], dome: Array, level: Array, radius: float
) -> Array:
    size, body = ids.shape[0], (ids > 0).astype(np.float32)
    shape = dome ** rng.uniform(0.05, 0.7)
    texture = 1 + rng.uniform(0, 0.5) * noise(rng, size, max(1.0, radius * rng.uniform(0.1, 0.4)))
    image = body * level * shape * np.clip(texture, 0.1, 3)
    haze = ndi.gaussian_filter(image, radius) * rng.uniform(0, 0.8)
    return (image + haze + rng.uniform(0, 0.15) * noise(rng, size, 30))[None]


def stained(rng: Rng, ids: NDArray[np.int32], dome: Array, level: Array, radius: float) -> Array:
    """Bright field: two stains that absorb (Lambert-Beer), the second one in the tissue around."""
    size, body = ids.shape[0], (ids > 0).astype(np.float32)
    texture = np.clip(1 + rng.uniform(0, 0.5) * noise(rng, size, max(1.0, radius * 0.2)), 0, 3)
    dye = body * level * texture * (0.4 + dome ** rng.uniform(0.05, 0.5))
    tissue = np.clip(0.6 + rng.uniform(0.1, 0.6) * noise(rng, size, rng.uniform(3, 40)), 0, 3)
    first, second = rng.uniform(0.05, 1.0, (2, 3, 1, 1))
    return np.exp(-(first * dye + rng.uniform(0, 1) * second * tissue * (1 - 0.6 * body))).astype(
        np.float32
    )


def phase(rng: Rng, ids: NDArray[np.int32], dome: Array, level: Array, radius: float) -> Array:
    """Phase contrast: the body darker or brighter with grain inside, a halo around."""
    size, body = ids.shape[0], (ids > 0).astype(np.float32)
    thick = body * (rng.uniform(0.2, 1) + dome * rng.uniform(0, 1)) * level
    thick = ndi.gaussian_filter(thick, rng.uniform(0.5, 1.5))
    wide = ndi.gaussian_filter(thick, log_uniform(rng, 2, 12) + radius * rng.uniform(0, 0.2))
    grain = (
        rng.uniform(0, 0.6) * noise(rng, size, rng.uniform(1, 3.5)) * ndi.gaussian_filter(body, 1.5)
    )
    sign = rng.choice([-1.0, 1.0])
    image = sign * (thick * rng.uniform(0.1, 1.2) - rng.uniform(0.8, 2.0) * wide) + grain
    return (image + rng.uniform(0, 0.25) * noise(rng, size, rng.uniform(1, 3)))[None].astype(
        np.float32
    )


def relief(rng: Rng, ids: NDArray[np.int32], dome: Array, level: Array, radius: float) -> Array:
    """DIC: the directional derivative of the optical path, bright on one side only."""
    size, body = ids.shape[0], (ids > 0).astype(np.float32)
    if rng.random() < 0.5:  # flat discs: only the rim casts a shadow
        profile = np.clip(dome * radius / rng.uniform(2, 8), 0, 1) * rng.uniform(3, 15)
    else:
        profile = body * (rng.uniform(0.1, 0.6) + dome ** rng.uniform(0.3, 1)) * level * radius
    path = ndi.gaussian_filter(profile.astype(np.float32), rng.uniform(0.7, 2.5))
    path += (
        body * rng.uniform(0, 1.6) ** 2 * noise(rng, size, rng.uniform(1.5, max(2.0, radius * 0.2)))
    )
    path += rng.uniform(0, 0.6) * noise(rng, size, rng.uniform(1, 4))
    gy, gx = np.gradient(ndi.gaussian_filter(path, 0.7))
    turn = rng.uniform(0, 2 * np.pi)
    return (np.cos(turn) * gx + np.sin(turn) * gy)[None].astype(np.float32)


def rings(rng: Rng, ids: NDArray[np.int32], dome: Array, level: Array, radius: float) -> Array:
    """Bodies seen by their rim alone, the inside like the outside or a little different."""
    size, body = ids.shape[0], (ids > 0).astype(np.float32)
    rim = np.exp(-((dome * radius / rng.uniform(1, 4)) ** 2)) * body
    image = level * rim * rng.choice([-1.0, 1.0]) + body * rng.uniform(-0.35, 0.35)
    return (image + rng.uniform(0, 0.25) * noise(rng, size, rng.uniform(1, 6)))[None].astype(
        np.float32
    )


def textures(rng: Rng, size: int) -> Sample:
    """Two to four kinds of region that differ in grain, direction or mean."""
    kinds = int(rng.integers(2, 5))
    if rng.random() < 0.5:
        ids, _ = voronoi(rng, size, log_uniform(rng, 50, 200))
        truth = rng.integers(1, kinds + 1, ids.max() + 1)[ids]
    else:
        fields = np.stack([noise(rng, size, log_uniform(rng, 20, 70)) for _ in range(kinds)])
        truth = fields.argmax(0) + 1
    image = np.zeros((size, size), np.float32)
    shared = log_uniform(rng, 0.8, 6)
    for k in range(1, kinds + 1):
        sigma = log_uniform(rng, 0.7, 8) if rng.random() < 0.7 else shared
        field = noise(rng, size, sigma)
        if rng.random() < 0.4:
            field = ndi.gaussian_filter1d(field, 4 * sigma, axis=int(rng.integers(2)))
            field /= field.std() + 1e-6
        if rng.random() < 0.3:
            field = np.abs(field) - 0.8
        image = np.where(truth == k, rng.uniform(0.3, 1.2) * field + rng.normal(0, 0.5), image)
    return Sample(finish(rng, image[None].astype(np.float32)), truth.astype(np.int32), "classes")


def fibres(rng: Rng, size: int) -> Sample:
    """Curved filaments on a mottled ground."""
    line = np.zeros((size, size), np.float32)
    width, bend = log_uniform(rng, 0.8, 6), rng.uniform(0.005, 0.06)
    for _ in range(int(rng.integers(4, 40))):
        n = int(rng.uniform(0.2, 1.5) * size)
        heading = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, bend, n * 2))
        y = rng.uniform(0, size) + np.cumsum(np.sin(heading)) / 2
        x = rng.uniform(0, size) + np.cumsum(np.cos(heading)) / 2
        ok = (y >= 0) & (x >= 0) & (y < size) & (x < size)
        line[y[ok].astype(int), x[ok].astype(int)] = rng.uniform(0.5, 1)
    distance, (iy, ix) = ndi.distance_transform_edt(line == 0, return_indices=True)
    body = distance <= width
    image = line[iy, ix] * np.exp(-((distance / width) ** 2)) * rng.uniform(1, 3)
    image = image + rng.uniform(0, 0.5) * noise(rng, size, rng.uniform(1, 20))
    return Sample(
        finish(rng, image[None].astype(np.float32)),
        np.where(body, 2, 1).astype(np.int32),
        "classes",
    )
