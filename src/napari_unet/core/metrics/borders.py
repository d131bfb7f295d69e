"""How well the outlines lie: pixel error and warping error, for maps of inside and border.

The warping error (Jain et al. 2010, doi 10.1109/CVPR.2010.5539950) forgives a border that lies
elsewhere but not one that is missing or added: the truth is deformed towards the result, pixel by
pixel, as long as a flipped pixel is *simple*, that is, leaves the number of objects and holes as it
was. What still differs is the error. Objects are 4-connected and borders 8-connected.

Limits: only pixels that differ are flipped, as in the challenge, so a border that moved by more
than its own width finds no way there and counts as missing and added. Which deformation is found
depends on the order of the flips, so the error is an upper bound of the least one. The challenge's
own program flips pixels of which the result is surer first; here four interleaved sub-lattices take
turns (their pixels are no neighbours, so flips of one turn cannot disturb each other). Splits and
mergers are told apart by looking at a pixel's neighbours and the objects they belong to, without
the challenge's search window.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

Mask = NDArray[np.bool_]
_AROUND = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))
_BESIDE = ndi.generate_binary_structure(2, 1)
_ALL = ndi.generate_binary_structure(2, 2)


@dataclass(frozen=True)
class Warping:
    """What is left of the differences after warping.

    Attributes
    ----------
    pixels : of the plane.
    wrong : pixels that still differ.
    splits, mergers : clusters of pixels that would cut an object, or join two.
    """

    pixels: int
    wrong: int
    splits: int
    mergers: int

    @property
    def error(self) -> float:
        """Share of pixels that still differ (Jain et al. 2010)."""
        return self.wrong / self.pixels if self.pixels else float("nan")

    @property
    def splits_and_mergers(self) -> float:
        """Splits and mergers per pixel, which the ISBI 2012 challenge listed."""
        return (self.splits + self.mergers) / self.pixels if self.pixels else float("nan")


def insides(labels: NDArray[Any]) -> Mask:
    """Where a plane of object ids is inside an object and not on a line between two.

    Objects that touch get a border of one pixel, the last one of the object above or to the left.
    """
    inside = labels > 0
    right = (labels[:, 1:] != labels[:, :-1]) & inside[:, 1:] & inside[:, :-1]
    down = (labels[1:] != labels[:-1]) & inside[1:] & inside[:-1]
    inside[:, :-1] &= ~right
    inside[:-1] &= ~down
    return inside


def pixel_error(truth: Mask, found: Mask) -> float:
    """1 − F-score of the pixels inside objects, as in the ISBI 2012 challenge; NaN if none are."""
    both, either = (
        np.count_nonzero(truth & found),
        np.count_nonzero(truth) + np.count_nonzero(found),
    )
    return 1 - 2 * both / either if either else float("nan")


def warp(truth: Mask, found: Mask) -> Warping:
    """Deform the truth towards the result and see what cannot be explained that way.

    Parameters
    ----------
    truth, found : (Y, X) bool
        Whether a pixel lies inside an object. Around the plane there is border.
    """
    state, goal = np.pad(truth, 1).astype(np.uint8), np.pad(found, 1).astype(np.uint8)
    lattices = list(itertools.product((0, 1), repeat=2))
    quiet = 0
    for y, x in itertools.cycle(lattices):
        centre, wanted = _lattice(state, y, x), _lattice(goal, y, x)
        flips = (centre != wanted) & _SIMPLE[_code(state, y, x)]
        centre[flips] = wanted[flips]
        quiet = 0 if flips.any() else quiet + 1
        if quiet == len(lattices):
            break
    return _judge(state, goal)


def _judge(state: NDArray[np.uint8], goal: NDArray[np.uint8]) -> Warping:
    inner = state[1:-1, 1:-1]
    wrong = state != goal
    objects, _ = ndi.label(state, _BESIDE)
    lost = wrong & (state == 1) & (_parts(state) > 1)
    sides = [np.roll(objects, by, axis) for axis in (0, 1) for by in (-1, 1)]
    largest = np.max(sides, axis=0)
    smallest = np.min([np.where(side > 0, side, largest) for side in sides], axis=0)
    gained = wrong & (state == 0) & (smallest < largest)
    return Warping(inner.size, int(wrong.sum()), _clusters(lost), _clusters(gained))


def _parts(state: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """How many parts of objects are around each pixel."""
    count = np.zeros(state.shape, np.uint8)
    for y, x in itertools.product((0, 1), repeat=2):
        _lattice(count, y, x)[...] = _OBJECTS[_code(state, y, x)]
    return count


def _clusters(mask: Mask) -> int:
    return int(ndi.label(mask, _ALL)[1])


def _lattice(padded: NDArray[Any], y: int, x: int, dy: int = 0, dx: int = 0) -> NDArray[Any]:
    """Every second pixel of every second row, moved by dy, dx; a view."""
    rows, columns = padded.shape
    return padded[1 + y + dy : rows - 1 + dy : 2, 1 + x + dx : columns - 1 + dx : 2]


def _code(state: NDArray[np.uint8], y: int, x: int) -> NDArray[np.uint8]:
    """The eight neighbours of each pixel as the bits of a number."""
    code = np.zeros_like(_lattice(state, y, x))
    for bit, (dy, dx) in enumerate(_AROUND):
        code |= _lattice(state, y, x, dy, dx) << np.uint8(bit)
    return code


def _tables() -> tuple[Mask, NDArray[np.uint8]]:
    """For each of the 256 neighbourhoods: is the middle simple, and how many objects are beside."""
    simple, objects = np.zeros(256, bool), np.zeros(256, np.uint8)
    for code in range(256):
        inside = np.zeros((3, 3), bool)
        for bit, (dy, dx) in enumerate(_AROUND):
            inside[1 + dy, 1 + dx] = code >> bit & 1
        parts, _ = ndi.label(inside, _BESIDE)
        beside = len(set(parts[[0, 1, 1, 2], [1, 0, 2, 1]]) - {0})
        outside = ~inside
        outside[1, 1] = False
        simple[code] = beside == 1 and ndi.label(outside, _ALL)[1] == 1
        objects[code] = beside
    return simple, objects


_SIMPLE, _OBJECTS = _tables()
