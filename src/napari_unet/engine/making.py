"""The model of a session as it is now, with a record of what it was made of."""

from __future__ import annotations

import copy
from collections.abc import Iterable

from napari_unet.core.lineage import FIRST, KEPT, SECONDS, STEPS, Made, Past
from napari_unet.core.model import Model
from napari_unet.core.provenance import Image, provenance
from napari_unet.core.settings import Settings
from napari_unet.core.training import Trainer

_LAYER, _FITTED = "last layer", "fitted"  # said in a model file of one that was not trained


def model_of(
    trainer: Trainer,
    classes: tuple[str, ...],
    settings: Settings,
    images: Iterable[Image],
    past: Past,
) -> Model:
    """A copy of the weights that predict, even if they tell no classes yet."""
    made: Made = {
        **past.told,
        STEPS: past.steps + trainer.steps,
        SECONDS: round(past.seconds + trainer.seconds, 3),
        "planes": len(trainer.splits),
        "painted pixels": int(trainer.counts.sum()),
        "seed": settings.training.seed,
        "precision": trainer.device.said,
        _LAYER: "given" if trainer.given else _FITTED,
    }
    if not trainer.learnt and trainer.steps and not past.steps:
        made[KEPT] = FIRST
    material = provenance(tuple(images), trainer.score)
    return Model.of(copy.deepcopy(trainer.best), classes, settings, made, material)


def was_fitted(source: object) -> bool:
    """Whether a model's last layer was fitted and not trained."""
    return isinstance(source, Model) and source.header.made.get(_LAYER) == _FITTED
