from __future__ import annotations

import msgspec
import numpy as np
import pytest
import torch

from napari_unet.core.image import ImageError
from napari_unet.core.model import Model
from napari_unet.core.prediction import Predictor
from napari_unet.core.settings import Compute, Settings
from napari_unet.core.unet import UNet
from napari_unet.engine.batch.plan import Order
from napari_unet.engine.batch.segmenter import ModelSegmenter
from napari_unet.engine.folder import segment_folder

COMPUTE = Compute(device="cpu", threads=1)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return Model.of(UNet(2, 3, width=3, depth=2), ("a", "b", "c"), Settings())


def test_it_says_what_the_model_says(model):
    plane = np.random.default_rng(0).integers(0, 255, (2, 70, 90), dtype=np.uint8)
    segmenter = ModelSegmenter(model.to_bytes(), COMPUTE)
    whole, shares = np.zeros((70, 90), np.uint8), np.zeros((3, 70, 90), np.float32)
    for window, classes, part in segmenter.pieces(plane, probabilities=True):
        whole[window], shares[(slice(None), *window)] = classes, part
    np.testing.assert_allclose(shares.sum(0), 1, atol=1e-5)
    assert (shares.argmax(0) + 1 == whole).all()
    ((_, classes, none),) = segmenter.pieces(plane, probabilities=False)
    assert (classes == whole).all()
    assert none is None
    assert segmenter.classes == ("a", "b", "c")


def test_a_colour_image_gives_what_model_segment_gives():
    torch.manual_seed(0)
    model = Model.of(UNet(3, 2, width=3, depth=2), ("a", "b"), Settings())
    image = np.random.default_rng(0).integers(0, 255, (50, 60, 3), dtype=np.uint8)
    pieces = ModelSegmenter(model.to_bytes(), COMPUTE).pieces(
        np.moveaxis(image, -1, 0), probabilities=False
    )
    ((_, classes, _),) = pieces
    assert (classes == model.segment(image, compute=COMPUTE)).all()


def test_its_identity_is_that_of_the_results(model):
    data = model.to_bytes()
    same = {ModelSegmenter(data, Compute(threads=n)).identity for n in (0, 1, 2)}
    assert len(same) == 1
    assert ModelSegmenter(data, Compute(mirrors=False)).identity not in same
    assert ModelSegmenter(data, Compute(precision="fp32")).identity not in same
    assert ModelSegmenter(data, Compute(accelerate=False)).identity not in same
    assert ModelSegmenter(data, pictures=9).identity in same
    assert ModelSegmenter(data[:-4] + b"0000").identity not in same
    renamed = Model(model.net, msgspec.structs.replace(model.header, classes=("a", "b", "d")))
    assert ModelSegmenter(renamed.to_bytes()).identity not in same


def test_its_identity_does_not_say_when_and_of_what_it_was_made(model):
    later = {"date": "2031-01-01T00:00:00+00:00", "strokes": 12}
    other = Model(model.net, msgspec.structs.replace(model.header, made=later))
    assert other.to_bytes() != model.to_bytes()
    assert ModelSegmenter(other.to_bytes()).identity == ModelSegmenter(model.to_bytes()).identity


def test_images_with_other_channels_are_refused(model):
    pieces = ModelSegmenter(model.to_bytes(), COMPUTE).pieces(
        np.zeros((1, 9, 9)), probabilities=False
    )
    with pytest.raises(ImageError, match="2 channels"):
        next(pieces)


def test_a_batch_says_how_many_pictures_are_to_come(tmp_path, monkeypatch):
    model = Model.of(UNet(1, 2, width=3, depth=2), ("a", "b"), Settings())
    for n in range(3):
        np.save(tmp_path / f"{n}.npy", np.random.default_rng(n).normal(size=(30, 30)))
    told, mean = [], Predictor.mean

    def watched(self, *args, **kwargs):
        told.append(self.pictures)
        return mean(self, *args, **kwargs)

    monkeypatch.setattr(Predictor, "mean", watched)
    segmenter = ModelSegmenter(model.to_bytes(), Compute(device="cpu", precision="fp32", threads=1))
    *_, end = segment_folder(Order((tmp_path,), tmp_path / "out"), segmenter)
    assert (end.written, end.failed) == (3, 0)
    assert told == [3, 3, 3]
