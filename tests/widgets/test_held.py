"""What is held out of the paint, as the window knows it."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image

from napari_unet.core.annotations import BLOCK, Annotations
from napari_unet.widgets.held import MANY, HeldOut

LINE = np.s_[100:103, 50:600]  # through three blocks


def image():
    return Image(np.zeros((600, 700), np.uint8))


def paint(*windows, number=1):
    plane = np.zeros((600, 700), np.uint8)
    for window in windows:
        plane[window] = number
    return Annotations.of(plane)


@pytest.mark.parametrize(
    ("held", "number"),
    [
        (paint(), 0),
        (paint(np.s_[10:20, 10:90]), 1),
        (paint(np.s_[10:20, 10:90], np.s_[40:50, 10:90], np.s_[500:510, 600:650]), 3),
        (paint(LINE), 1),
        (paint(np.s_[50:590, 50:53], LINE), 1),
        (paint(*(np.s_[y : y + 3, 10:90] for y in range(0, 200, 10))), MANY),
    ],
)
def test_a_stroke_is_counted_once_through_however_many_blocks_it_goes(held, number):
    assert len(paint(LINE).blocks) == 3 == 600 // BLOCK + 1
    layer, kept = image(), HeldOut()
    kept.note(layer, {(): held})
    assert kept.number([layer]) == number


def test_strokes_of_all_planes_and_images_count_and_newer_ones_replace_older():
    one, other, kept = image(), image(), HeldOut()
    kept.note(one, {(0,): paint(LINE), (1,): paint(LINE, np.s_[5:9, 5:90])})
    kept.note(other, {(): paint(LINE)})
    assert kept.number([one, other]) == 4
    assert kept.number([other]) == 1
    kept.note(one, {(1,): paint()})
    assert kept.number([one, other]) == 2
