"""Volumes that are too large to be read whole, in a batch."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
import tifffile
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_unet.core import image as image_module
from napari_unet.core.image import measure
from napari_unet.core.model import Model
from napari_unet.core.reading import open_stack
from napari_unet.core.recipe import Recipe
from napari_unet.core.sampled import measure_sample
from napari_unet.core.settings import Compute, Settings
from napari_unet.core.unet import UNet
from napari_unet.engine.batch import pipeline, stages
from napari_unet.engine.batch import slices as slices_module
from napari_unet.engine.batch.delivery import Delivery
from napari_unet.engine.batch.pipeline import run_here
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
    tifffile.imwrite(path, array, ome=True, metadata={"axes": "TZCYX"})  # in one piece
    return array, Job(path, "film.tif", "film")


def volume_of(film, time=1, channels=()):
    array, job = film
    few = array[time, 0, [c - 1 for c in channels] or slice(None), :1, :1]
    return Slices(job, [(time, z) for z in range(8)], few, channels, (24, 20))


def sides(length):
    ends = st.integers(0, length)
    return st.tuples(ends, ends).map(sorted).filter(lambda e: e[0] < e[1]).map(lambda e: slice(*e))


@pytest.mark.parametrize("kept", [1, 1 << 30])  # bytes: windows are cut out, or slices kept
@pytest.mark.parametrize("channels", [(), (2,), (2, 1)])
def test_a_volume_is_read_like_an_array(film, monkeypatch, kept, channels):
    monkeypatch.setattr(slices_module, "_KEPT", kept)
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
    assert bool(volume._kept) == (kept > 1)
    volume.close()


def test_few_slices_are_remembered_and_none_read_twice_in_a_row(film, monkeypatch):
    monkeypatch.setattr(slices_module, "_KEPT", 3 * 2 * 24 * 20 * 2)  # bytes: of three slices
    read_of, real = [], Slices._wanted
    monkeypatch.setattr(Slices, "_wanted", lambda s, p: (read_of.append(p.shape), real(s, p))[1])
    volume = volume_of(film)
    for row in range(0, 24, 8):
        _ = volume[:, 0:3, row : row + 8, 0:20]
    assert read_of == [(2, 24, 20)] * 3
    assert len(volume._kept) == 3
    _ = volume[:, 3:8, 0:8, 0:20]
    assert read_of[3:] == [(2, 8, 20)] * 5  # more than are kept: only what is wanted of each
    volume.close()
    assert not volume._kept


def test_where_windows_cannot_be_cut_out_all_slices_of_one_are_kept(film, monkeypatch):
    monkeypatch.setattr(slices_module, "_KEPT", 1)
    with open_stack(film[1].source) as stack:
        monkeypatch.setattr(
            slices_module, "open_stack", lambda *a: nullcontext(replace(stack, cut=None))
        )
        read_of, real = [], Slices._wanted
        monkeypatch.setattr(Slices, "_wanted", lambda s, p: (read_of.append(1), real(s, p))[1])
        volume = volume_of(film)
        for row in range(0, 24, 8):
            _ = volume[:, 1:6, row : row + 8, 0:20]
        assert len(read_of) == len(volume._kept) == 5


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


@pytest.fixture
def two_volumes(tmp_path, monkeypatch):
    """A row of two large volumes, what segments them, and what becomes of them."""
    monkeypatch.setattr(image_module, "LARGE", 1000)
    torch.manual_seed(0)
    net = UNet(1, 2, width=2, depth=2, axes=3, across=1, norm=False, dropout=0)
    model = Model.of(net, ("ground", "ball"), Settings())
    segmenter = ModelSegmenter(model.to_bytes(), COMPUTE)
    arrays = np.random.default_rng(1).random((2, 9, 24, 20)).astype(np.float32)
    folder, jobs = tmp_path / "out", []
    folder.mkdir()

    def run(kinds=("classes",)):
        for name, array in zip("ab", arrays, strict=True):
            path = tmp_path / f"{name}.tif"
            tifffile.imwrite(path, array, ome=True, metadata={"axes": "ZYX"})
            jobs.append(Job(path, path.name, name))
        steps = list(run_here(jobs, segmenter, Recipe(kinds=kinds), folder, "key"))
        return [step for step in steps if isinstance(step, Delivery)]

    return arrays, run


def test_a_slice_that_cannot_be_read_ends_its_own_file_only(two_volumes, monkeypatch):
    _, run = two_volumes
    real = Slices._read

    def fail(self, z, *args):
        if self._job.name == "a.tif" and z == 5:
            raise OSError("the disk is gone")
        return real(self, z, *args)

    monkeypatch.setattr(Slices, "_read", fail)
    first, second = run()
    assert "the disk is gone" in first.problem
    assert not second.problem


@pytest.mark.parametrize("kinds", [("classes",), ("classes", "measurements")])
def test_planes_are_read_again_only_to_be_measured_and_may_be_gone(two_volumes, monkeypatch, kinds):
    _, run = two_volumes
    real = stages._plane_at

    def gone(volume, z, *, measured):
        plane = real(volume, z, measured=measured)
        if plane.size and volume._job.name == "a.tif" and z == 5:
            raise OSError("the disk is gone")
        return plane

    monkeypatch.setattr(stages, "_plane_at", gone)
    first, second = run(kinds)
    assert ("the disk is gone" in first.problem) == ("measurements" in kinds)
    assert not second.problem


def test_pixels_that_are_no_numbers_are_found_wherever_they_are(two_volumes):
    arrays, run = two_volumes
    arrays[0, 4, 7, 7] = np.nan
    first, second = run()
    assert "not numbers" in first.problem
    assert not second.problem


def test_planes_do_not_pile_up_before_they_are_written(two_volumes, monkeypatch):
    _, run = two_volumes
    given, taken, waiting = [], [], []
    real_planes, real_take = stages._planes_of, pipeline._Writer.take

    def planes(*args, **options):
        for found in real_planes(*args, **options):
            given.append(1)
            waiting.append(len(given) - len(taken))
            yield found

    def take(self, found):
        time.sleep(0.02)
        delivery = real_take(self, found)
        taken.append(1)
        return delivery

    monkeypatch.setattr(stages, "_planes_of", planes)
    monkeypatch.setattr(pipeline._Writer, "take", take)
    assert not any(delivery.problem for delivery in run())
    assert len(taken) == 18
    assert max(waiting) <= pipeline._BEHIND + 2
