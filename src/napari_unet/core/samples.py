"""Sample images with a few strokes of ours, so that training works at once.

The real images come with scikit-image's installation, so nothing is downloaded. Strokes are
polylines (y, x in px) drawn with a round pen.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage import data, draw
from skimage.morphology import disk

Line = tuple[tuple[int, int], ...]

_STAINED: tuple[tuple[Line, ...], ...] = (
    (  # empty glass
        ((325, 12), (350, 22), (385, 30)),
        ((75, 314), (120, 335), (165, 362)),
        ((405, 452), (425, 458), (440, 452)),
    ),
    (  # stroma
        ((285, 165), (290, 240), (330, 215), (400, 200), (470, 225)),
        ((60, 462), (150, 485), (260, 480), (340, 420)),
        ((205, 275), (240, 262), (262, 240)),
    ),
    (  # gland
        ((120, 30), (150, 90), (150, 150), (200, 180), (220, 225)),
        ((60, 380), (150, 420), (220, 390), (235, 340)),
        ((345, 285), (400, 300), (440, 345)),
        ((260, 55), (330, 100), (375, 110)),
    ),
)
_CELL: tuple[tuple[Line, ...], ...] = (
    (  # background, its dark halo and the fringes at the top
        ((120, 80), (200, 260), (420, 150), (560, 330)),
        ((30, 270), (28, 330)),
        ((285, 425), (310, 368), (372, 350), (440, 375)),
    ),
    (((345, 400), (372, 430), (410, 440)),),
)
_VESSELS: tuple[tuple[Line, ...], ...] = (
    (  # background
        ((85, 20), (95, 70), (85, 115)),
        ((55, 210), (60, 270), (75, 320)),
        ((70, 390), (130, 395), (170, 400)),
        ((230, 120), (270, 150), (305, 190)),
        ((370, 405), (400, 460), (390, 500)),
        ((400, 125), (470, 125)),
    ),
    (  # vessels, thick and thin
        ((191, 90), (197, 120), (212, 150), (231, 175), (250, 200), (262, 225), (270, 255)),
        ((278, 55), (283, 85), (305, 113), (325, 128), (343, 143)),
        ((300, 352), (345, 356), (370, 361), (388, 378)),
        ((150, 371), (125, 367), (95, 358)),
    ),
)
_TOUCHING: tuple[tuple[Line, ...], ...] = (
    (  # background, and the dark lines between cells
        ((75, 225), (76, 270)),
        ((180, 250), (185, 280), (205, 255)),
        ((250, 290), (262, 320), (275, 325)),
        ((320, 110), (335, 125)),
        ((25, 178), (55, 182)),
        ((150, 163), (178, 183)),
        ((185, 87), (215, 88)),
    ),
    (  # cells
        ((40, 150), (40, 170)),
        ((62, 80), (82, 78)),
        ((172, 155), (180, 162)),
        ((190, 104), (205, 102)),
        ((240, 202), (260, 200)),
        ((292, 303), (292, 311)),
        ((345, 268), (350, 282)),
    ),
)


@dataclass(frozen=True)
class Sample:
    """An image with strokes.

    Attributes
    ----------
    name : what the layers are called.
    image : (Y, X) or (Y, X, 3) uint8.
    strokes : (Y, X) uint8, 0 unlabelled, 1…K classes.
    classes : the names of classes 1…K.
    truth : (Y, X) uint8 classes 1…K, where every pixel's class is known.
    """

    name: str
    image: NDArray[np.uint8]
    strokes: NDArray[np.uint8]
    classes: tuple[str, ...]
    truth: NDArray[np.uint8] | None = None


def stained_tissue() -> Sample:
    """Colon glands, stained for a membrane protein (brown) and nuclei (blue): 512 × 512 px RGB."""
    image = data.immunohistochemistry()
    strokes = paint(image.shape[:2], _STAINED, radius=3)
    return Sample("immunohistochemistry", image, strokes, ("empty", "stroma", "gland"))


def floating_cell() -> Sample:
    """One cell in saline by quantitative phase imaging: 660 × 550 px, grey."""
    image = data.cell()
    strokes = paint(image.shape, _CELL, radius=3)
    return Sample("cell", image, strokes, ("background", "cell"))


def vessels() -> Sample:
    """Part of the back of a human eye: 512 × 512 px RGB; thin vessels on a bright ground."""
    image = np.ascontiguousarray(data.retina()[150:662, 560:1072])
    strokes = paint(image.shape[:2], _VESSELS, radius=1)
    return Sample("retina", image, strokes, ("background", "vessel"))


def touching_cells() -> Sample:
    """Cells drawn by this program, many of which touch: 384 × 384 px, grey, with the truth.

    In the truth a thin line of background parts cells that touch.
    """
    side, random = 384, np.random.default_rng(0)
    near, owner = _territories(side, random)
    inside = near < random.uniform(0.85, 1.0, owner.max() + 1)[owner]
    body = inside & ~_borders(np.where(inside, owner, 0))
    noise = random.normal(size=(side, side))
    grain = ndimage.gaussian_filter(noise, 3) * 5
    brightness = random.uniform(0.75, 1.1, owner.max() + 1)[owner]
    signal = np.where(body, brightness * (1 - 0.35 * near**2) + 0.12 * grain, 0.25 + 0.05 * grain)
    uneven = np.linspace(0.85, 1.1, side)[:, None]
    blurred = ndimage.gaussian_filter(signal * uneven, 1.2) + 0.03 * noise
    image = np.clip(blurred * 190, 0, 255).astype(np.uint8)
    truth = np.where(body, 2, 1).astype(np.uint8)
    strokes = paint(truth.shape, _TOUCHING, radius=2)
    strokes[strokes != truth] = 0  # whatever the random numbers drew, the paint is right
    return Sample("touching cells", image, strokes, ("background", "cell"), truth)


SAMPLES = {
    "immunohistochemistry": stained_tissue,
    "cell": floating_cell,
    "retina": vessels,
    "touching_cells": touching_cells,
}


def paint(
    shape: tuple[int, ...], lines: tuple[tuple[Line, ...], ...], radius: int
) -> NDArray[np.uint8]:
    """Draw polylines with a round pen: (Y, X) uint8, the first group of lines as class 1.

    Parameters
    ----------
    shape : (Y, X)
    lines : for each class its strokes, each a sequence of points (y, x).
    radius : of the pen, px.
    """
    strokes = np.zeros(shape, np.uint8)
    for number, group in enumerate(lines, start=1):
        drawn = np.zeros(shape, bool)
        for line in group:
            for start, stop in pairwise(line):
                drawn[draw.line(*start, *stop)] = True
        strokes[ndimage.binary_dilation(drawn, disk(radius))] = number
    return strokes


def _territories(
    side: int, random: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Each pixel's nearest cell (1, 2, …), and how far out in it the pixel lies (1 is its rim)."""
    y, x = np.mgrid[:side, :side].astype(float)
    wave = [ndimage.gaussian_filter(random.normal(size=(side, side)), 12) * 60 for _ in "yx"]
    y, x = y + wave[0], x + wave[1]
    near, owner = np.full((side, side), np.inf), np.zeros((side, side), np.intp)
    for number, (cy, cx) in enumerate(_centres(side, random), start=1):
        angle, stretch = random.uniform(0, np.pi), random.uniform(1.0, 1.5)
        radius = random.uniform(14, 21)
        along = np.cos(angle) * (x - cx) + np.sin(angle) * (y - cy)
        across = np.cos(angle) * (y - cy) - np.sin(angle) * (x - cx)
        distance = np.hypot(along / stretch, across * stretch**0.5) / radius
        closer = distance < near
        near[closer], owner[closer] = distance[closer], number
    return near, owner


def _centres(side: int, random: np.random.Generator) -> list[tuple[float, float]]:
    """Random points that keep some distance from each other."""
    chosen: list[tuple[float, float]] = []
    for y, x in random.uniform(0, side, (400, 2)):
        if all((y - v) ** 2 + (x - u) ** 2 > 24**2 for v, u in chosen):
            chosen.append((y, x))
    return chosen[:110]


def _borders(cells: NDArray[Any]) -> NDArray[np.bool_]:
    """The pixels of cells that have another cell next to them."""
    high = ndimage.maximum_filter(cells, 3)
    low = ndimage.minimum_filter(np.where(cells == 0, cells.max() + 1, cells), 3)
    touching: NDArray[np.bool_] = (cells > 0) & (high != low)
    return touching
