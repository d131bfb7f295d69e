from __future__ import annotations

import numpy as np

from napari_unet.core.annotations import Annotations
from napari_unet.core.image import Picture
from napari_unet.core.material import Material, Paint
from napari_unet.core.settings import Training


def test_touching_objects_come_with_a_ridge_between_them():
    material = Material()
    material.pictures["a"] = Picture.of(np.random.default_rng(0).normal(size=(1, 20, 20)))
    paint = np.ones((20, 20), np.uint8)
    paint[5:15, 4:10], paint[5:15, 10:16] = 128, 129
    taken = Paint(Annotations.of(paint, objects=(2,)))
    assert material.take("a", taken, 2, Training(held_out=0), None) is None
    assert (material.splits["a"].paint[5:15, 9] == 1).all()
    assert material.counts[1:3].tolist() == [400 - 110, 110]


def test_what_is_kept_for_judging_is_not_counted():
    material = Material()
    material.pictures["a"] = Picture.of(np.random.default_rng(0).normal(size=(1, 20, 20)))
    material.take(
        "a", Paint(Annotations.of(np.ones((20, 20), int)), aside=True), 2, Training(), None
    )
    assert not material.counts.any()
