"""What the shown weights make of unpainted pixels, as a target that holds them while training.

Strokes lie inside the classes, so the strokes alone would let borders drift. The target is the
mean prediction over mirror images: steadier than any single one, so the network learns from it,
too (a mean-teacher idea, cf. Tarvainen & Valpola 2017, arXiv 1703.01780).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from napari_unet.core.holdout import Split
from napari_unet.core.image import Picture
from napari_unet.core.prediction import Predictor
from napari_unet.core.sampling import read_labels

_MOST = 4  # tiles of a plane that are predicted, those with most paint


class Teacher:
    """Class probabilities around the paint of some planes, computed when first asked for.

    Parameters
    ----------
    predictor : the weights that are shown
    pictures : the planes, by name
    splits : their paint
    """

    def __init__(
        self, predictor: Predictor, pictures: Mapping[str, Picture], splits: Mapping[str, Split]
    ) -> None:
        self._predictor, self._pictures, self._splits = predictor, pictures, splits
        self._maps: dict[str, Tensor] = {}

    def read(self, windows: Sequence[tuple[str, Tensor]]) -> Tensor:
        """Targets (N, K, h, w) float32 at (h, w, 2) points of planes; all 0 where unknown."""
        targets = []
        for name, points in windows:
            if name not in self._maps:
                self._maps[name] = self._predict(name)
            targets.append(read_labels(self._maps[name], points).float())
        return torch.stack(targets)

    def _predict(self, name: str) -> Tensor:
        picture, paint = self._pictures[name], self._splits[name].paint
        classes = len(self._predictor.weight)
        probabilities = torch.zeros((classes, *picture.shape), dtype=torch.float16)
        if paint.all():  # nothing is left to be held
            return probabilities
        todo = [t for t in self._predictor.tiles(picture) if paint[t.write].any()]
        todo.sort(key=lambda t: -np.count_nonzero(paint[t.write]))
        for tile, found in self._predictor.mean(picture, todo[:_MOST], mirrored=True):
            probabilities[(slice(None), *tile.write)] = found.to("cpu", torch.float16)
        return probabilities
