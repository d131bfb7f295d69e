"""What a trainer learns from: planes, and their paint, some of which is held out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.annotations import MAX_CLASSES, Annotations, check_classes, check_shapes
from napari_unet.core.answering import agreeing
from napari_unet.core.holdout import Split, split
from napari_unet.core.image import Picture
from napari_unet.core.judging import mean_over_classes
from napari_unet.core.objects_paint import class_map
from napari_unet.core.prediction import Predictor
from napari_unet.core.settings import Training


@dataclass(frozen=True)
class Paint:
    """New paint of a plane.

    Attributes
    ----------
    annotations : all of it.
    held : what of it was held out by an earlier trainer, if the plane is new to this one.
    aside : it is only judged by; none of it is learnt from.
    """

    annotations: Annotations
    held: Annotations | None = None
    aside: bool = False


class Material:
    """Planes and paint.

    Attributes
    ----------
    pictures : the planes, by name
    splits : the classes that are painted on them, and which pixels are held out
    """

    def __init__(self) -> None:
        self.pictures: dict[str, Picture] = {}
        self.splits: dict[str, Split] = {}

    def take(
        self,
        name: str,
        paint: Paint,
        classes: int,
        training: Training,
        predictor: Predictor | None,
    ) -> float | None:
        """Take new paint of a plane; first score a prediction by it, if there is one.

        Touching objects are parted by a ridge of background.

        Returns
        -------
        float or None
            Share of the newly painted pixels that were predicted right (0…1, classes alike).

        Raises
        ------
        AnnotationError
            If the paint does not fit the plane or has more classes than so many.
        """
        picture = self.pictures[name]
        check_shapes(paint.annotations.shape, picture.shape)
        painted, before = class_map(paint.annotations), self.splits.get(name)
        check_classes(np.bincount(painted.ravel(), minlength=MAX_CLASSES + 1), classes)
        if before is None and paint.held is not None:
            before = Split.dealt(painted, class_map(paint.held))
        fresh = (painted != (before.paint if before is not None else 0)) & (painted > 0)
        right = (
            agreeing(predictor, name, picture, painted, fresh)
            if predictor is not None and fresh.any()
            else None
        )
        self.splits[name] = split(
            painted, before, right,
            share=training.held_out, seed=training.seed, aside=paint.aside,
        )  # fmt: skip
        return None if right is None else mean_over_classes(right[fresh], painted[fresh])

    @property
    def counts(self) -> NDArray[np.int64]:
        """Painted pixels of each class 0…255, over all planes that are learnt from."""
        total = np.zeros(MAX_CLASSES + 1, np.int64)
        for part in self.splits.values():
            if not part.aside:
                total += part.counts
        return total
