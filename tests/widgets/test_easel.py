from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image, Labels

from napari_unet.core import image as image_module
from napari_unet.core.annotations import Annotations
from napari_unet.widgets import easel as module
from napari_unet.widgets import pyramid
from napari_unet.widgets.easel import Easel, MovingEasel, easel_of
from napari_unet.widgets.layers import find_paint, like, new_paint

COLOURS = ("#56b4e9", "#e69f00", "#009e73")


@pytest.fixture
def image(monkeypatch):
    """One that is large, as far as this test goes: 1200 × 1500 px, painted on 512 px at once."""
    monkeypatch.setattr(image_module, "LARGE", 1 << 18)
    monkeypatch.setattr(module, "SIDE", 512)
    monkeypatch.setattr(pyramid, "_COARSEST", 256)
    return Image(
        np.zeros((1200, 1500), np.uint8), name="slide", scale=(0.5, 0.25), translate=(7, 9),
        rotate=20, multiscale=False,
    )  # fmt: skip


@pytest.fixture
def easel(image):
    return easel_of(new_paint(image, COLOURS))


def test_a_small_image_has_paint_of_its_own_size(image):
    paint = new_paint(Image(np.zeros((30, 40)), name="small"), COLOURS)
    assert paint.data.shape == (30, 40)
    assert type(easel_of(paint)) is Easel


def test_the_layer_is_small_and_lies_where_the_image_lies(image, easel):
    assert isinstance(easel, MovingEasel)
    assert easel.shape == (1200, 1500)
    for box in ((0, 0, 100, 100), (1100, 1400, 1200, 1500), (500, 700, 600, 800)):
        easel.move(box)
        assert easel.layer.data.size <= 512 * 512
        assert easel.shows(box)
        y, x = easel.origin
        for at in ((0, 0), (10, 20), (300, 100)):
            place = easel.layer.data_to_world(at)
            assert np.allclose(place, image.data_to_world((at[0] + y, at[1] + x)))


def test_paint_stays_where_it_is_while_the_layer_moves(easel):
    truth = np.zeros((1200, 1500), np.uint8)
    for number, (y, x) in enumerate([(10, 20), (1150, 1450), (600, 700)], start=1):
        easel.move((y, x, y + 10, x + 10))
        top, left = easel.origin
        easel.layer.data[y - top : y - top + 5, x - left : x - left + 8] = number
        truth[y : y + 5, x : x + 8] = number
        found = easel.read((), None, ())
        assert found.same_as(Annotations.of(truth))
    easel.move((10, 20, 20, 30))
    top, left = easel.origin
    assert (easel.layer.data[10 - top : 15 - top, 20 - left : 28 - left] == 1).all()
    easel.layer.data[:] = 0  # erased
    truth[:600, :600] = 0
    assert easel.read((), None, ()).same_as(Annotations.of(truth))


def test_unchanged_blocks_are_shared(easel):
    easel.layer.data[:] = 0
    easel.layer.data[5, 5] = 1
    first = easel.read((), None, ())
    second = easel.read((), first, ())
    assert second.blocks[0] is first.blocks[0]


def test_a_view_that_is_too_wide_shows_its_middle(easel):
    box = (0, 0, 1200, 1500)
    easel.move(box)
    origin = easel.origin
    assert easel.shows(box)
    assert 0 < origin[0] < 600 < origin[0] + 512
    easel.move(box)
    assert easel.origin == origin


def test_what_keeps_its_value_is_not_written():
    class Watched(np.ndarray):
        def __setitem__(self, key, value):
            if self is plane:
                written.append(int(np.count_nonzero(key)))
            super().__setitem__(key, value)

    written = []
    plane = np.arange(300, dtype=np.int32).reshape(15, 20).view(Watched)
    table = np.arange(256, dtype=np.uint8)
    table[[7, 9]] = 5
    module.recode(plane, table)
    assert written == [2]
    truth = np.arange(300)
    truth[[7, 9]] = 5
    assert np.array_equal(plane.ravel(), truth)
    table[:] = np.arange(256)
    module.recode(plane, table)
    assert written == [2]


def test_other_values_reach_what_is_not_in_view(easel):
    easel.move((0, 0, 10, 10))
    easel.layer.data[0, 0] = 3
    easel.read((), None, ())
    easel.move((1100, 1400, 1110, 1410))
    table = np.arange(256, dtype=np.uint8)
    table[3] = 2
    easel.recode([()], table)
    assert easel.read((), None, ()).counts[2] == 1
    easel.move((0, 0, 10, 10))
    assert easel.layer.data[0, 0] == 2


def test_it_is_found_again_by_its_layer(image, easel):
    class Viewer:
        layers = (easel.layer,)

    assert find_paint(Viewer, image) is easel.layer
    assert easel_of(easel.layer) is easel
    copy = Labels(easel.layer.data.copy(), metadata=dict(easel.layer.metadata))
    assert type(easel_of(copy)) is Easel  # not that of another layer


def test_paint_of_a_project_is_filled_in(easel):
    paint = np.zeros((1200, 1500), np.uint8)
    paint[3:6, 3:6], paint[1100:1120, 1400:1420] = 1, 2
    easel.fill({(): Annotations.of(paint)})
    assert easel.read((), None, ()).same_as(Annotations.of(paint))


def test_a_stack_of_large_planes(monkeypatch, image):
    stack = Image(np.zeros((3, 600, 700), np.uint8), name="stack", multiscale=False)
    easel = easel_of(new_paint(stack, COLOURS))
    easel.layer.data[1, 5, 5] = 1
    assert easel.read((1,), None, ()).counts[1] == 1
    assert not easel.read((0,), None, ()).blocks
    easel.move((580, 680, 600, 700))
    easel.move((0, 0, 10, 10))
    assert easel.layer.data[1, 5, 5] == 1


def test_the_prediction_of_a_large_image_has_levels(image):
    layer = like(image, "prediction", COLOURS, faint=True)
    assert layer.multiscale
    assert layer.data[0].shape == (1200, 1500)


def test_it_follows_the_image(image, easel):
    easel.move((500, 700, 600, 800))
    image.scale, image.translate, image.rotate = (2, 3), (-40, 5), 75
    easel.follow(image)
    y, x = easel.origin
    for at in ((0, 0), (10, 20), (300, 100)):
        place = easel.layer.data_to_world(at)
        assert np.allclose(place, image.data_to_world((at[0] + y, at[1] + x)))
