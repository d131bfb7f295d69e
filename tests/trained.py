"""A trainer on the toy: its settings, and what it says."""

from __future__ import annotations

import numpy as np

from napari_unet.core.settings import Settings, changed


def quick(**training):
    """Small patches, so that a step takes milliseconds."""
    wanted = {"patch": 20, "batch": 2, "learning_rate": 3e-3, **training}
    return changed(changed(Settings(), "training", **wanted), "augmentation", elastic=1.5)


def labels_of(trainer, name="a"):
    picture = trainer.pictures[name]
    found = np.zeros(picture.shape, np.uint8)
    for tile in trainer.predictor.tiles(picture):
        found[tile.write] = trainer.predictor.labels(
            trainer.predictor.features(name, picture, tile)
        )
    return found


def right_on_unpainted(trainer, case):
    unpainted = case.paint == 0
    return np.mean(
        [(labels_of(trainer) == k)[unpainted & (case.truth == k)].mean() for k in (1, 2)]
    )
