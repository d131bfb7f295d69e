from __future__ import annotations

import numpy as np
import pytest

from napari_unet.core.annotations import Annotations
from napari_unet.core.header import ModelError, Shape
from napari_unet.core.image import ImageError, Picture
from napari_unet.core.suitable import check_alike, check_channels, check_fits, check_kind

PLANE, RGB, VOLUME = (
    Picture.of(np.random.default_rng(0).random(shape, np.float32))
    for shape in ((1, 20, 20), (3, 20, 20), (1, 4, 20, 20))
)


def test_other_channels():
    check_channels(1, 1)
    with pytest.raises(ImageError, match="of 1 channel, this image has 3"):
        check_channels(1, 3)


def test_planes_and_volumes():
    check_kind(2, PLANE)
    check_kind(3, VOLUME)
    with pytest.raises(ImageError, match="segments volumes, this is a single plane"):
        check_kind(3, PLANE)
    with pytest.raises(ImageError, match="segments planes, this is a volume"):
        check_kind(2, VOLUME)


def test_images_of_one_kind():
    check_alike(PLANE, [])
    check_alike(PLANE, [PLANE])
    with pytest.raises(ImageError, match=r"has 3 channel\(s\), the ones before have 1"):
        check_alike(RGB, [PLANE])
    with pytest.raises(ImageError, match="not from both"):
        check_alike(VOLUME, [PLANE])


def test_a_model_for_what_is_open():
    shape = Shape(1, 2, 4, 1, 2, norm=True)
    two, three = (Annotations.of(np.full((20, 20), k, np.uint8)) for k in (2, 3))
    check_fits(shape, [PLANE], [two])
    with pytest.raises(ModelError, match="2 classes but class 3 is painted"):
        check_fits(shape, [PLANE], [two, three])
    with pytest.raises(ImageError, match="1 channel"):
        check_fits(shape, [RGB], [])
    with pytest.raises(ImageError, match="single plane"):
        check_fits(Shape(1, 2, 4, 1, 3, norm=True, across=1), [PLANE], [])
