from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from napari_unet.widgets.palette import colour, label_colours

NAMED = 7  # colours that are chosen, not computed
# how each kind of colour blindness sees linear RGB (Machado, Oliveira and Fernandes 2009)
SEEN = {
    "all colours": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                   [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                     [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                   [0.004733, 0.691367, 0.303900]],
}  # fmt: skip


def linear(rgb):
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def gamma(rgb):
    rgb = np.clip(rgb, 0, 1)
    return np.where(rgb <= 0.0031308, 12.92 * rgb, 1.055 * rgb ** (1 / 2.4) - 0.055)


def rgb(text):
    return np.array([int(text[i : i + 2], 16) / 255 for i in (1, 3, 5)])


@pytest.mark.parametrize("eye", SEEN)
def test_classes_are_told_apart_by_every_eye(eye):
    colours = np.array([rgb(colour(k)) for k in range(1, NAMED + 1)])
    lab = rgb2lab(gamma(linear(colours) @ np.asarray(SEEN[eye]).T))
    for one, other in combinations(range(NAMED), 2):
        assert deltaE_ciede2000(lab[one], lab[other]) > 10, (one + 1, other + 1)


def test_red_and_green_would_not_pass():
    lab = rgb2lab(gamma(linear(np.array([rgb("#c04000"), rgb("#607000")])) @ np.array(
        SEEN["deuteranopia"]).T))  # fmt: skip
    assert deltaE_ciede2000(*lab) < 10


def test_many_classes_all_have_colours_of_their_own():
    assert len({colour(k) for k in range(1, 256)}) > 200


def test_the_background_of_a_prediction_is_faint():
    table = label_colours(["#56b4e9", "#e69f00"], faint_background=True)
    assert table.map(1)[3] == pytest.approx(0.3, abs=0.01)
    assert table.map(2)[3] == 1
    assert table.map(0)[3] == table.map(77)[3] == 0
