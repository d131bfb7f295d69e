"""The first answer: features of painted pixels, and the last layer fitted to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_unet.core.annotations import ClassMap, strokes
from napari_unet.core.folds import cross_validated, folds
from napari_unet.core.head import fit_head, tilt
from napari_unet.core.holdout import Split
from napari_unet.core.image import Picture
from napari_unet.core.judging import mean_over_classes
from napari_unet.core.prediction import Predictor

_MOST = 4000  # painted pixels of each class
_AROUND = 2000  # pixels of each tile, painted or not

Head = tuple[Tensor, Tensor]  # weight (K, D), bias (K,)


@dataclass(frozen=True)
class Painted:
    """Painted pixels of all planes, at most 4000 of each class.

    Attributes
    ----------
    features : (n, D) float32
    targets : (n,) int64, classes 0…K-1
    trained : (n,) bool, False where held out
    fold : (n,) uint8, see `folds`
    strokes : of each painted class, on average
    around : (m, D) float32, features of some pixels of the same tiles, painted or not
    tiles : how many had to be looked at
    """

    features: Tensor
    targets: Tensor
    trained: Tensor
    fold: Tensor
    strokes: float
    around: Tensor
    tiles: int

    def fit(self, classes: int, *, held: bool, tilted: bool = True) -> Head:
        """Fit the last layer to the trained pixels, and to those held out on request.

        Unless `tilted` towards what there is more of (see `tilt`), classes win alike.
        """
        used = torch.ones_like(self.trained) if held else self.trained
        weight, bias = fit_head(self.features[used], self.targets[used], classes, self.strokes)
        return weight, bias + tilt(self.around, weight, bias) if tilted else bias

    @property
    def surprise(self) -> float:
        """How badly a fit does on strokes that it has not seen: see `cross_validated`."""
        present, targets = torch.unique(self.targets, return_inverse=True)
        return cross_validated(self.features, targets, self.fold, len(present), self.strokes)

    def error(self, head: Head) -> float:
        """Mean over classes of 1 − p(true class)."""
        weight, bias = head
        p = (self.features @ weight.T + bias).softmax(1)
        wrong = 1 - p.gather(1, self.targets[:, None])[:, 0]
        return mean_over_classes(wrong.cpu().numpy(), self.targets.cpu().numpy())


def gather(
    predictor: Predictor,
    pictures: Mapping[str, Picture],
    splits: Mapping[str, Split],
    generator: torch.Generator,
) -> Painted:
    """Look up the features of painted pixels; of too many, `generator` draws some.

    Planes that are only judged by are left out.
    """
    found, targets, trained, dealt, around = [], [], [], [], []
    number = 0
    for name, part in splits.items():
        if part.aside:
            continue
        fold = folds(part.paint)
        number += int(strokes(part.paint).max())
        for tile in predictor.tiles(pictures[name]):
            marked: tuple[Any, ...] = _some_of_each(part.paint[tile.write], generator)
            if len(marked[0]):
                values = predictor.features(name, pictures[name], tile)
                found.append(values[(slice(None), *marked)].T.float())
                around.append(_some(values.flatten(1)))
                targets.append(torch.from_numpy(part.paint[tile.write][marked].astype(int) - 1))
                trained.append(torch.from_numpy(~part.held[tile.write][marked]))
                dealt.append(torch.from_numpy(fold[tile.write][marked]))
    features = torch.cat(found)
    classes, used, fold_of = (torch.cat(t).to(features.device) for t in (targets, trained, dealt))
    order = torch.randperm(len(classes), generator=generator, device=classes.device)
    shuffled = classes[order]
    present = torch.unique(classes)
    pick = torch.cat([order[shuffled == k][:_MOST] for k in present])
    return Painted(
        features[pick],
        classes[pick],
        used[pick],
        fold_of[pick],
        number / len(present),
        torch.cat(around),
        len(around),
    )


def _some_of_each(paint: ClassMap, generator: torch.Generator) -> tuple[NDArray[np.intp], ...]:
    """Where a tile is painted, in px along each axis; of a class with too many pixels, some."""
    picked = []
    for number in np.flatnonzero(np.bincount(paint.ravel(), minlength=2)[1:]) + 1:
        found = np.flatnonzero(paint == number)
        if len(found) > _MOST:
            order = torch.randperm(len(found), generator=generator, device=generator.device)
            found = found[order[:_MOST].cpu().numpy()]
        picked.append(found)
    where = np.sort(np.concatenate(picked)) if picked else np.zeros(0, np.intp)
    return tuple(np.unravel_index(where, paint.shape))


def _some(features: Tensor) -> Tensor:
    """Some of (D, n) features, evenly apart: at least 2000, (m, D) float32."""
    return features[:, :: max(1, features.shape[1] // _AROUND)].T.float()


def agreeing(
    predictor: Predictor, name: str, picture: Picture, paint: ClassMap, where: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Where a prediction agrees with the paint, on the tiles that hold `where`: (Y, X)."""
    right = np.zeros(paint.shape, bool)
    for tile in predictor.tiles(picture):
        if where[tile.write].any():
            labels = predictor.labels(predictor.features(name, picture, tile))
            right[tile.write] = labels == paint[tile.write]
    return right
