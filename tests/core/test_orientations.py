from __future__ import annotations

import pytest
import torch

from napari_unet.core.orientations import ALL, MIRRORS, SEVEN


def key(images):
    return tuple(images.shape), tuple(images.flatten().tolist())


def test_there_are_eight_and_none_twice():
    square = torch.arange(9.0).view(3, 3)
    assert len({key(view.turn(square)) for view in ALL}) == 8
    quarters = {key(square.rot90(k)) for k in range(4)} | {key(square.T.rot90(k)) for k in range(4)}
    assert {key(view.turn(square)) for view in ALL} == quarters


def test_the_seven_are_all_but_the_image_as_it_lies():
    square = torch.arange(9.0).view(3, 3)
    assert len(SEVEN) == 7
    assert key(square) not in {key(view.turn(square)) for view in SEVEN}


def test_mirrors_are_flips_alone():
    wide = torch.arange(6.0).view(2, 3)
    flips = {key(wide.flip(axes)) for axes in ((), (0,), (1,), (0, 1))}
    assert {key(view.turn(wide)) for view in MIRRORS} == flips


@pytest.mark.parametrize("view", ALL)
def test_undoing_gives_the_image_back(view):
    images = torch.arange(30.0).view(1, 2, 3, 5)
    assert torch.equal(view.undo(view.turn(images)), images)
