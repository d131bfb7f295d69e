from __future__ import annotations

import msgspec
import numpy as np
import pytest

from napari_unet.core.annotations import Annotations
from napari_unet.core.provenance import MOST, Notes, Provenance, checksum, provenance


def painted():
    paint = np.zeros((40, 50), np.uint8)
    paint[3:5, 10:20] = 1
    paint[30:34, 40:43] = 2
    paint[30:34, 5] = 2
    return paint


def test_images_and_strokes_are_told():
    raw = np.arange(2000, dtype=np.uint16).reshape(1, 40, 50)
    image = Notes().image("a", "cells.tif", raw, Annotations.of(painted()))
    assert (image.name, image.shape, image.dtype) == ("cells.tif", (1, 40, 50), "uint16")
    assert image.painted == (20, 16)
    assert image.count == 3
    boxes = {(s.of, s.y, s.x, s.height, s.width, s.pixels) for s in image.strokes}
    assert boxes == {(1, 3, 10, 2, 10, 20), (2, 30, 40, 4, 3, 12), (2, 30, 5, 4, 1, 4)}


def test_the_checksum_is_of_grey_values_alone():
    raw = np.arange(2000, dtype=np.uint16).reshape(1, 40, 50)
    assert checksum(raw) == checksum(raw.astype(">u2")) == checksum(raw[:, ::-1][:, ::-1])
    other = raw.copy()
    other[0, 3, 3] += 1
    assert checksum(other) != checksum(raw)


def test_what_was_looked_at_is_not_looked_at_again(monkeypatch):
    notes, raw, paint = Notes(), np.zeros((1, 40, 50)), Annotations.of(painted())
    first = notes.image("a", "", raw, paint)
    monkeypatch.setattr("napari_unet.core.provenance.checksum", None)
    monkeypatch.setattr("napari_unet.core.provenance.strokes", None)
    assert notes.image("a", "", raw, paint) == first


def test_it_stays_short():
    dots = np.zeros((200, 200), np.uint8)
    dots[::2, ::2] = 1
    image = Notes().image("a", "", np.zeros((1, 200, 200)), Annotations.of(dots))
    made = provenance((image, image), 0.9)
    assert made.strokes == 20_000
    assert sum(len(one.strokes) for one in made.images) == MOST
    again = msgspec.json.decode(msgspec.json.encode(made), type=Provenance)
    assert again == made
    assert "numpy" in made.libraries


@pytest.mark.parametrize("text", ['{"score": 3}', '{"images": [{"name": 3}]}', '{"libraries": 1}'])
def test_nonsense_is_refused(text):
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=Provenance)
