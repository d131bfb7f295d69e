from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image, Labels

from napari_unet.widgets.place import Follower, lay_over

MOVES = (
    ("scale", (0.5, 3)),
    ("translate", (7, -9)),
    ("rotate", 30),
    ("shear", (0.2,)),
    ("affine", np.array([[0, -1, 4], [1, 0, 2], [0, 0, 1.0]])),
)


@pytest.fixture
def image():
    return Image(np.zeros((30, 40)))


@pytest.mark.parametrize(("name", "value"), MOVES)
def test_whatever_moves_an_image_is_told_until_it_is_closed(image, name, value):
    told = []
    follower = Follower(image, lambda: told.append(name))
    setattr(image, name, value)
    assert told
    follower.close()
    seen = len(told)
    image.scale = (9, 9)
    assert len(told) == seen


def test_a_layer_lies_over_the_image_after_all_moves(image):
    layer = Labels(np.zeros((30, 40), np.uint8))
    for name, value in MOVES:
        setattr(image, name, value)
    lay_over(layer, image)
    for at in ((0, 0), (29, 0), (11, 39)):
        assert np.allclose(layer.data_to_world(at), image.data_to_world(at))
