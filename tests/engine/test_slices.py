"""Volumes that are too large to be read whole, in a batch."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_unet.core import image as image_module
from napari_unet.core.image import measure
from napari_unet.core.model import Model
from napari_unet.core.recipe import Recipe
from napari_unet.core.sampled import measure_sample
from napari_unet.core.settings import Compute, Settings
from napari_unet.core.unet import UNet
from napari_unet.engine.batch import slices as slices_module
from napari_unet.engine.batch.plan import Job
from napari_unet.engine.batch.segmenter import ModelSegmenter
from napari_unet.engine.batch.sheet import read
from napari_unet.engine.batch.slices import Slices
from napari_unet.engine.batch.stages import Found, segment

COMPUTE = Compute(threads=1, precision="fp32")


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Two times of eight slices of two channels, (T, Z, C, Y, X), and their file."""
    array = np.random.default_rng(0).integers(0, 999, (2, 8, 2, 24, 20), np.uint16)
    path = tmp_path_factory.mktemp("film") / "film.tif"
    tifffile.imwrite(path, array, ome=True, metadata={"axes": "TZCYX"}, tile=(16, 16))
    return array, Job(path, "film.tif", "film")


def volume_of(film, time=1, channels=()):
    array, job = film
    few = array[time, 0, [c - 1 for c in channels] or slice(None), :1, :1]
    return Slices(job, [(time, z) for z in range(8)], few, channels, (24, 20))


def sides(length):
    ends = st.integers(0, length)
    return st.tuples(ends, ends).map(sorted).filter(lambda e: e[0] < e[1]).map(lambda e: slice(*e))


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("channels", [(), (2,), (2, 1)])
def test_a_volume_is_read_like_an_array(film, monkeypatch, large, channels):
    monkeypatch.setattr(image_module, "LARGE", 100 if large else 1 << 26)  # px of a slice
    volume = volume_of(film, 1, channels)
    whole = np.moveaxis(film[0][1], 1, 0)[[c - 1 for c in channels] or slice(None)]
    assert (volume.shape, volume.dtype, len(volume)) == (whole.shape, whole.dtype, len(whole))

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(sides(8), sides(24), sides(20))
    def check(z, y, x):
        assert np.array_equal(volume[:, z, y, x], whole[:, z, y, x])

    check()
    volume.close()
    assert np.array_equal(volume[:, 2:3, :4, :4], whole[:, 2:3, :4, :4])  # opened once more
    volume.close()


def test_few_slices_are_remembered_and_none_read_twice_in_a_row(film, monkeypatch):
    monkeypatch.setattr(slices_module, "_KEPT", 3 * 2 * 24 * 20 * 2)  # bytes: of three slices
    read_of, real = [], slices_module.Slices._wanted
    monkeypatch.setattr(Slices, "_wanted", lambda s, p: (read_of.append(1), real(s, p))[1])
    volume = volume_of(film)
    for row in range(0, 24, 8):
        _ = volume[:, 0:3, row : row + 8, 0:20]
    assert len(read_of) == 3
    _ = volume[:, 3:8, 0:8, 0:20]
    assert len(read_of) == 8
    assert len(volume._kept) == 3
    _ = volume[:, 0:1, 0:8, 0:20]
    assert len(read_of) == 9
    volume.close()
    assert not volume._kept


def test_a_sample_of_a_volume_says_the_same_as_all_of_it(film):
    volume = volume_of(film)
    sample, whole = measure_sample(volume), measure(np.moveaxis(film[0][1], 1, 0))
    volume.close()
    assert sample.mean == pytest.approx(whole.mean, rel=1e-3)
    assert sample.deviation == pytest.approx(whole.deviation, rel=1e-2)


def test_a_large_volume_is_segmented_as_a_small_one_and_its_file_closed(film, monkeypatch):
    torch.manual_seed(0)
    net = UNet(2, 2, width=2, depth=2, axes=3, across=1, norm=False, dropout=0)
    model = Model.of(net, ("ground", "ball"), Settings())
    segmenter = ModelSegmenter(model.to_bytes(), COMPUTE)
    recipe = Recipe(kinds=("classes", "probabilities", "measurements"))

    def found():
        sheets = list(read(film[1], recipe, segmenter.axes))
        return sheets, [
            step for sheet in sheets for step in segment(sheet, segmenter, recipe)
            if isinstance(step, Found)
        ]  # fmt: skip

    _, wanted = found()
    monkeypatch.setattr(image_module, "LARGE", 1000)
    sheets, ours = found()
    assert all(isinstance(sheet.plane, Slices) for sheet in sheets)
    assert [f.sheet.index for f in ours] == [f.sheet.index for f in wanted]
    for one, other in zip(ours, wanted, strict=True):
        assert not one.problem
        assert np.array_equal(one.sheet.plane, other.sheet.plane)
        assert np.abs(one.probabilities - other.probabilities).max() < 0.01
    assert all(sheet.plane._stack is None for sheet in sheets)
