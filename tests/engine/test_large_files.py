"""Images with large planes go through a batch block by block; small ones stand in for them."""

from __future__ import annotations

import time

import numpy as np
import pytest
import tifffile
import torch
import zarr
from scipy import ndimage as ndi

from napari_unet.core import image, writing
from napari_unet.core.model import Model
from napari_unet.core.objects import find_objects
from napari_unet.core.recipe import Recipe
from napari_unet.core.sampled import measure_sample
from napari_unet.core.settings import Compute, Settings
from napari_unet.core.unet import UNet
from napari_unet.engine.batch import blocks, large
from napari_unet.engine.batch import cluster as cluster_module
from napari_unet.engine.batch.plan import Job, Order
from napari_unet.engine.batch.segmenter import ModelSegmenter
from napari_unet.engine.folder import segment_folder
from napari_unet.engine.messages import FileAdvanced, FolderSegmented

KINDS = ("classes", "objects", "probabilities", "measurements")
SHAPE = (530, 701)


@pytest.fixture(scope="module")
def segmenter():
    torch.manual_seed(0)
    model = Model.of(UNet(1, 3, width=4, depth=2), ("background", "cell", "other"), Settings())
    compute = Compute(device="cpu", threads=1, mirrors=False, precision="fp32")
    return ModelSegmenter(model.to_bytes(), compute)


@pytest.fixture(autouse=True)
def few_pixels_are_many(monkeypatch):
    monkeypatch.setattr(image, "LARGE", 1 << 17)
    monkeypatch.setattr(blocks, "_TILES", 1)
    monkeypatch.setattr(writing, "_COARSEST", 400)


@pytest.fixture
def plane():
    """Blobs that are wide enough to be cut."""
    noise = ndi.gaussian_filter(np.random.default_rng(0).normal(size=SHAPE), 6)
    return np.clip(128 + 60 * noise / noise.std(), 0, 255).astype(np.uint8)


def run(place, target, segmenter, kinds=KINDS, form="ome-tiff", **options):
    order = Order((place,), target, recipe=Recipe(kinds, form))
    *events, end = segment_folder(order, segmenter, **options)
    assert isinstance(end, FolderSegmented)
    return events, end


def expected(plane, segmenter):
    found = np.zeros(plane.shape, np.uint8)
    normalisation = measure_sample(plane[None])
    for window, part, _ in segmenter.pieces(
        plane[None], probabilities=False, normalisation=normalisation
    ):
        found[window] = part
    return found


@pytest.mark.parametrize("how", [{}, {"tile": (128, 128), "compression": "zlib"}])
def test_the_result_is_that_of_the_whole_plane(plane, tmp_path, segmenter, how):
    tifffile.imwrite(tmp_path / "a.tif", plane, **how)
    events, end = run(tmp_path / "a.tif", tmp_path / "out", segmenter)
    assert (end.written, end.failed, end.problem) == (1, 0, "")
    assert any(isinstance(event, FileAdvanced) and 0 < event.share < 1 for event in events)
    found = tifffile.imread(tmp_path / "out" / "a.tif")
    assert np.array_equal(found, expected(plane, segmenter))
    shares = tifffile.imread(tmp_path / "out" / "a_probabilities.tif")
    assert np.array_equal(shares.argmax(0) + 1, found)
    assert np.array_equal(tifffile.imread(tmp_path / "out" / "a_objects.tif"), cut(found, shares))
    assert not list((tmp_path / "out" / ".napari-unet").glob("blocks-*"))


def cut(classes, shares):
    """The objects of both classes, cut by how probable these are, and not by shape alone."""
    whole, count, differ = np.zeros(classes.shape, np.uint32), 0, False
    certainty = np.rint(255 * shares.max(0)).astype(np.uint8)
    for number in (2, 3):
        found = find_objects(classes, number, probability=certainty)
        differ |= not np.array_equal(found, find_objects(classes, number))
        whole[found > 0] = found[found > 0] + count
        count += int(found.max())
    assert differ
    return whole


def test_for_objects_alone_no_probabilities_are_written(plane, tmp_path, segmenter):
    tifffile.imwrite(tmp_path / "a.tif", plane)
    run(tmp_path / "a.tif", tmp_path / "out", segmenter, ("objects",))
    assert [path.name for path in (tmp_path / "out").glob("*.tif")] == ["a_objects.tif"]
    shares = np.zeros((3, *SHAPE), np.float32)
    greys = measure_sample(plane[None])
    for window, _, part in segmenter.pieces(plane[None], probabilities=True, normalisation=greys):
        shares[(slice(None), *window)] = part
    found = tifffile.imread(tmp_path / "out" / "a_objects.tif")
    assert np.array_equal(found, cut(shares.argmax(0) + 1, shares))


def test_planes_of_a_stack_are_read_window_by_window(plane, tmp_path, segmenter, monkeypatch):
    stack = np.stack([plane, plane[::-1] // 2])
    tifffile.imwrite(tmp_path / "s.tif", stack, metadata={"axes": "ZYX"}, tile=(128, 128))
    whole = "napari_unet.core.stack.Stack.plane"
    monkeypatch.setattr(whole, lambda *_: pytest.fail("a plane was read whole"))
    _, end = run(tmp_path / "s.tif", tmp_path / "out", segmenter, ("classes",))
    assert (end.written, end.problem) == (1, "")
    found = tifffile.imread(tmp_path / "out" / "s.tif")
    assert all(np.array_equal(found[k], expected(stack[k], segmenter)) for k in range(2))


def test_omezarr_has_levels(plane, tmp_path, segmenter):
    pytest.importorskip("bioio_ome_zarr")
    tifffile.imwrite(tmp_path / "a.tif", plane)
    run(tmp_path / "a.tif", tmp_path / "out", segmenter, ("classes",), "ome-zarr")
    group = zarr.open_group(tmp_path / "out" / "a.ome.zarr", mode="r")
    levels = [np.asarray(group[name]) for name in sorted(group.array_keys())]
    assert np.array_equal(levels[0], expected(plane, segmenter))
    assert np.array_equal(levels[1], levels[0][::2, ::2])
    assert len(levels) == 2
    # and it is read again window by window
    _, end = run(tmp_path / "out" / "a.ome.zarr", tmp_path / "again", segmenter, ("classes",))
    assert (end.written, end.problem) == (1, "")
    (again,) = map(tifffile.imread, (tmp_path / "again").glob("*.tif"))
    assert np.array_equal(again, expected(levels[0], segmenter))


def test_blocks_partition_the_planes(tmp_path):
    job = Job(tmp_path / "a.tif", "a.tif", "a")
    image = blocks.Large(job, tmp_path, (2, 1300, 700), None, (), 512)
    seen = np.zeros(image.shape, int)
    for block in image.blocks:
        seen[(*block.index, *block.window)] += 1
    assert (seen == 1).all()
    assert len(image.blocks) == 2 * 3 * 2


def test_what_cannot_be_used_is_told(plane, tmp_path, segmenter):
    tifffile.imwrite(tmp_path / "a.tif", np.stack([plane] * 2), metadata={"axes": "CYX"})
    tifffile.imwrite(tmp_path / "b.tif", np.full_like(plane, 7))
    for name, said in (("a.tif", "channel"), ("b.tif", "same value")):
        events, end = run(tmp_path / name, tmp_path / f"out-{name}", segmenter, ("classes",))
        assert end.failed == 1
        assert said in events[-1].error


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # Dask's sockets close when they like
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_blocks_are_tasks_of_a_cluster(plane, tmp_path, segmenter, monkeypatch):
    distributed = pytest.importorskip("distributed")
    tifffile.imwrite(tmp_path / "a.tif", plane, tile=(128, 128), compression="zlib")
    run(tmp_path / "a.tif", tmp_path / "here", segmenter)
    filled = []
    fill = cluster_module.fill

    def slow(*args):
        filled.append(args)
        time.sleep(0.5)  # so that there is something to be told in between
        return fill(*args)

    monkeypatch.setattr(cluster_module, "fill", slow)
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
    ) as cluster:
        events, end = run(
            tmp_path / "a.tif", tmp_path / "there", segmenter, cluster=cluster.scheduler_address
        )
    assert (end.written, end.failed, end.problem) == (1, 0, "")
    assert len(filled) == 4
    shares = [event.share for event in events if isinstance(event, FileAdvanced)]
    assert shares == sorted(shares)
    assert 0 < max(shares) < 1
    assert set(shares) <= {n / 5 for n in range(5)}
    here, there = (
        {p.name: p.read_bytes() for p in (tmp_path / side).iterdir() if p.is_file()}
        for side in ("here", "there")
    )
    assert here == there
    assert len(here) == 4
    assert not list((tmp_path / "there" / ".napari-unet").glob("blocks-*"))


def test_numbers_that_are_none_where_nothing_was_sampled(plane, tmp_path, segmenter):
    odd = np.tile(plane, (3, 2)).astype(np.float32)
    odd[130, 205] = np.nan
    tifffile.imwrite(tmp_path / "a.tif", odd)
    measure_sample(odd[None])  # it is not seen there
    events, end = run(tmp_path / "a.tif", tmp_path / "out", segmenter, ("classes",))
    assert end.failed == 1
    assert "not numbers" in events[-1].error
    assert not list((tmp_path / "out").glob("*.tif"))


def test_a_slide_with_little_on_it(tmp_path, segmenter):
    slide = np.full((1500, 1500), 3, np.uint8)
    slide[140:190, 140:190] = np.random.default_rng(0).integers(50, 250, (50, 50))
    tifffile.imwrite(tmp_path / "a.tif", slide)
    _, end = run(tmp_path / "a.tif", tmp_path / "out", segmenter, ("classes",))
    assert (end.written, end.failed) == (1, 0)


def test_an_image_that_is_begun_again_leaves_its_blocks(plane, tmp_path, segmenter):
    """As a cluster does where the worker dies that began it, while others compute."""
    tifffile.imwrite(tmp_path / "a.tif", plane)
    job = Job(tmp_path / "a.tif", "a.tif", "a")
    first = large.begin(job, segmenter, Recipe(), tmp_path)
    block = first.blocks[0]
    assert sum(large.fill(first, block, segmenter, Recipe())) == first.step**2
    second = large.begin(job, segmenter, Recipe(), tmp_path)
    assert second.scratch != first.scratch
    found = np.asarray(zarr.open_group(first.scratch, mode="r")["classes"])
    assert found[block.window].all()


def test_a_batch_that_is_stopped_leaves_nothing_half_done(plane, tmp_path, segmenter):
    tifffile.imwrite(tmp_path / "a.tif", plane)
    out = tmp_path / "out"
    steps = segment_folder(Order((tmp_path / "a.tif",), out), segmenter)
    assert any(isinstance(step, FileAdvanced) for step in steps)  # … and stops at the first one
    assert list((out / ".napari-unet").glob("blocks-*"))
    steps.close()
    assert not list((out / ".napari-unet").glob("blocks-*"))
