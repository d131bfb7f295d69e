"""Volumes through the session, and through a batch with times."""

from __future__ import annotations

from itertools import takewhile

import numpy as np
import pytest
import tifffile
import torch

from napari_unet.core import image as image_module
from napari_unet.core.annotations import AnnotationError, Annotations
from napari_unet.core.image import ImageError
from napari_unet.core.model import Model
from napari_unet.core.recipe import Recipe
from napari_unet.core.settings import Compute, Settings, changed
from napari_unet.core.training import Trainer
from napari_unet.core.unet import UNet
from napari_unet.engine import messages as m
from napari_unet.engine.batch.plan import Job
from napari_unet.engine.batch.segmenter import ModelSegmenter
from napari_unet.engine.batch.sheet import read
from napari_unet.engine.batch.stages import Found, segment
from napari_unet.engine.inbox import Inbox
from napari_unet.engine.messages import Open
from napari_unet.engine.session import Session
from napari_unet.engine.train import TrainingError, train
from napari_unet.engine.workbench import Workbench


@pytest.fixture
def model():
    torch.manual_seed(0)
    net = UNet(1, 2, width=4, depth=2, axes=3, norm=False, dropout=0, across=1)
    return Model.of(net, ("ground", "ball"), Settings())


def quick():
    settings = changed(Settings(), "training", patch=20, batch=1)
    return changed(settings, "compute", threads=1, precision="fp32", mirrors=False)


@pytest.fixture
def volume():
    z, y, x = np.mgrid[:5, :32, :32]
    ball = np.sqrt(9 * (z - 2) ** 2 + (y - 16) ** 2 + (x - 16) ** 2) < 10
    image = (np.where(ball, 180, 40) + np.random.default_rng(0).normal(0, 5, ball.shape)) / 255
    paint = np.zeros(ball.shape, np.uint8)
    paint[2, 2:4, 2:-2] = 1
    paint[2, 15:17, 10:22] = 2
    return image, paint


def test_of_a_volume_each_slice_says_how_sure_it_is(volume, model, tmp_path):
    tifffile.imwrite(
        tmp_path / "v.tif", (255 * volume[0].clip(0, 1)).astype(np.uint8), metadata={"axes": "ZYX"}
    )
    recipe = Recipe(("objects", "probabilities"))
    (sheet,) = read(Job(tmp_path / "v.tif", "v.tif", "v"), recipe, 3)
    segmenter = ModelSegmenter(model.to_bytes(), quick().compute)
    found = [step for step in segment(sheet, segmenter, recipe) if isinstance(step, Found)]
    assert len(found) == 5
    for plane in found:
        assert np.array_equal(plane.certainty, np.rint(255 * plane.probabilities.max(0)))


def test_annotations_with_slices_train_a_model_of_volumes(volume, model):
    image, paint = volume
    found = train([image], [paint], init=model, steps=2, settings=quick(), anisotropy=2.5)
    assert (found.header.shape.axes, found.header.anisotropy) == (3, 2.5)
    assert found.header.material.images[0].shape == (1, *image.shape)
    assert found.segment(image, compute=quick().compute).shape == image.shape


def test_a_volume_too_large_for_arrays_of_its_size_is_learnt_from_by_slices(
    volume, model, monkeypatch
):
    image, paint = volume
    monkeypatch.setattr(image_module, "LARGE", 1000)
    names, real = set(), Trainer.annotate

    def annotate(self, name, *args, **options):
        names.add(name)
        return real(self, name, *args, **options)

    monkeypatch.setattr(Trainer, "annotate", annotate)
    found = train([image], [paint], init=model, steps=2, settings=quick())
    assert names == {"0@2,0,0"}
    assert found.segment(image, compute=quick().compute).shape == image.shape


def test_objects_on_slices_are_parted_in_their_slices(volume, model):
    image, _ = volume
    dense = np.zeros(image.shape, np.int32)
    dense[2, 8:16, 8:24], dense[2, 16:24, 8:24] = 700, 701
    found = train([image], [dense], init=model, steps=1, settings=quick(), objects="dense")
    assert found.header.shape.classes == 2


def test_colour_paint_is_not_mistaken_for_a_volume():
    with pytest.raises((AnnotationError, ImageError)):
        train([np.zeros((20, 20, 3))], [np.zeros((20, 20, 3), np.uint8)])


@pytest.mark.parametrize("anisotropy", [0, -1, float("nan")])
def test_senseless_distances_are_refused(volume, anisotropy):
    with pytest.raises(TrainingError, match="makes no sense"):
        train([volume[0]], [volume[1]], anisotropy=anisotropy)


def test_planes_and_volumes_do_not_mix(model):
    bench = Workbench(init=model)
    noise = np.random.default_rng(0).random((1, 4, 24, 24))
    bench.take(Open("one", noise, anisotropy=2.0))
    with pytest.raises(ImageError, match="from volumes or from single planes"):
        bench.take(Open("two", noise[:, 0]))
    bench = Workbench(init=model)
    with pytest.raises(ImageError, match="this is a single plane"):
        bench.take(Open("two", noise[:, 0]))


def test_each_time_of_a_stack_is_a_volume_of_its_own(tmp_path, model):
    frames = np.random.default_rng(0).integers(0, 255, (2, 3, 24, 20), np.uint8)
    path = tmp_path / "film.tif"
    tifffile.imwrite(path, frames, ome=True, metadata={"axes": "TZYX"})
    segmenter = ModelSegmenter(model.to_bytes(), Compute(threads=1, precision="fp32"))
    recipe = Recipe(kinds=("classes", "probabilities"))
    sheets = list(read(Job(path, "film.tif", "film"), recipe, segmenter.axes))
    assert [(s.plane.shape, s.number, s.count) for s in sheets] == [
        ((1, 3, 24, 20), 1, 6), ((1, 3, 24, 20), 4, 6),
    ]  # fmt: skip
    found = [s for sheet in sheets for s in segment(sheet, segmenter, recipe)
             if isinstance(s, Found)]  # fmt: skip
    assert [(f.sheet.index, f.sheet.number) for f in found] == [
        ((t, z), 3 * t + z + 1) for t in range(2) for z in range(3)
    ]
    compute = Compute(threads=1, precision="fp32")
    for t in range(2):
        wanted = model.segment(frames[t], compute=compute)
        for z in range(3):
            assert (found[3 * t + z].classes == wanted[z]).all()
            assert found[3 * t + z].probabilities.shape == (2, 24, 20)
            assert (found[3 * t + z].sheet.plane == frames[t, z]).all()


def test_the_slice_in_view_is_predicted_first_and_pointed_into(volume, model):
    image, paint = volume
    inbox = Inbox(
        m.Configure(("ground", "ball"), quick()),
        m.Open("v", image[None], anisotropy=3.0),
        m.Look("v", (0, 0, 32, 32), m.UNSURE, (), 3),
        m.Annotate("v", Annotations.of_volume(paint)),
    )
    session = Session(spare=0, init=model)
    events = session.run(inbox)
    heard = list(takewhile(lambda event: not isinstance(event, m.Idle), events))
    tiles = [event for event in heard if isinstance(event, m.Predicted)]
    newest = [t for t in tiles if t.generation == tiles[-1].generation]
    assert [t.z for t in newest][:3] in ([3, 4, 2], [3, 2, 4])
    assert sorted(t.z for t in newest) == [0, 1, 2, 3, 4]
    assert {t.labels.shape for t in newest} == {(1, 32, 32)}
    assert {t.overlay.shape for t in newest} == {(1, 32, 32)}
    whole = session.bench.model().segment(image, compute=quick().compute)
    assert all((t.labels[0] == whole[t.z]).all() for t in newest)
    inbox.post(m.Suggest())
    said = list(takewhile(lambda event: not isinstance(event, m.Idle), events))
    (told,) = [event for event in said if isinstance(event, m.Suggested)]
    assert told.z == 3
    inbox.post(m.SegmentImage("v"))
    said = list(takewhile(lambda event: not isinstance(event, m.Idle), events))
    pieces = [event for event in said if isinstance(event, m.Segmented)]
    assert pieces[-1].done == pieces[-1].total == image.size
