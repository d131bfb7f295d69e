from __future__ import annotations

import numpy as np
import pytest

from napari_unet.core.annotations import AnnotationError, Annotations
from napari_unet.core.image import ImageError, Picture
from napari_unet.engine.messages import Annotate
from napari_unet.engine.sheets import Sheets


def picture(*shape):
    return Picture.of(np.random.default_rng(0).random(shape, np.float32))


def paint(*shape):
    dense = np.zeros(shape, np.uint8)
    dense[2:5, 2:9] = 1
    return Annotations.of(dense)


@pytest.fixture
def sheets():
    sheets = Sheets()
    sheets.lay("a", picture(1, 30, 40), "cells.tif")
    sheets.mark(Annotate("a", paint(30, 40)))
    return sheets


def test_the_same_paint_is_nothing_new(sheets):
    assert not sheets.mark(Annotate("a", paint(30, 40)))
    assert sheets.mark(Annotate("a", paint(30, 40), aside=True))
    assert sheets.mark(Annotate("a", Annotations((30, 40)), aside=True))


def test_paint_may_come_before_its_picture_and_must_fit_one_that_is_there(sheets):
    assert sheets.mark(Annotate("b", paint(20, 20)))
    with pytest.raises(AnnotationError):
        sheets.mark(Annotate("a", paint(20, 20)))
    assert sheets.paint["a"].shape == (30, 40)


def test_paint_stays_under_other_pixels_and_goes_with_the_size(sheets):
    assert not sheets.lay("a", picture(1, 30, 40), "")
    assert "a" in sheets.paint
    assert sheets.lay("a", picture(1, 31, 40), "")
    assert "a" not in sheets.paint


def test_pictures_are_of_one_kind(sheets):
    sheets.check("a", picture(3, 30, 40))  # it would be replaced
    with pytest.raises(ImageError):
        sheets.check("b", picture(3, 30, 40))


def test_what_is_taken_away_leaves_nothing(sheets):
    sheets.mark(Annotate("a", paint(30, 40), aside=True, held=paint(30, 40)))
    assert sheets.take_away("a")
    assert not any((sheets.pictures, sheets.paint, sheets.held, sheets.aside))
    assert not sheets.take_away("a")


def test_only_painted_planes_are_noted(sheets):
    sheets.lay("b", picture(1, 30, 40), "empty.tif")
    assert [image.name for image in sheets.notes()] == ["cells.tif"]
