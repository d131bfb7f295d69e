"""The same function on a Dask cluster, and what becomes of a batch whose worker dies."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch

from napari_unet.core.model import Model
from napari_unet.core.recipe import Recipe
from napari_unet.core.settings import Compute, Settings
from napari_unet.core.unet import UNet
from napari_unet.engine.batch.plan import Order
from napari_unet.engine.batch.segmenter import ModelSegmenter
from napari_unet.engine.folder import segment_folder
from napari_unet.engine.messages import FileSegmented, FolderSegmented

distributed = pytest.importorskip("distributed")
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # Dask's sockets close when they like
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
KINDS = ("classes", "objects", "probabilities", "measurements")


@pytest.fixture(scope="module")
def segmenter():
    torch.manual_seed(0)
    model = Model.of(UNet(1, 3, width=4, depth=2), ("background", "cell", "other"), Settings())
    return ModelSegmenter(model.to_bytes(), Compute(device="cpu", threads=1, mirrors=False))


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    (folder / "sub").mkdir(parents=True)
    random = np.random.default_rng(0)
    for n in range(10):
        place = folder / "sub" if n % 2 else folder
        tifffile.imwrite(place / f"i{n}.tif", random.integers(0, 255, (90, 70), dtype=np.uint8))
    (folder / "broken.tif").write_bytes(b"x")
    return folder


def contents(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".napari-unet" not in path.parts
    }


def run(images, target, segmenter, **options):
    order = Order((images,), target, deep=True, recipe=Recipe(KINDS))
    *events, end = segment_folder(order, segmenter, **options)
    assert isinstance(end, FolderSegmented)
    return [event for event in events if isinstance(event, FileSegmented)], end


@pytest.fixture(scope="module")
def cluster():
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
    ) as cluster:
        yield cluster


def test_results_are_byte_equal_to_those_of_one_machine(images, tmp_path, segmenter, cluster):
    files, end = run(images, tmp_path / "here", segmenter)
    assert (end.written, end.failed) == (10, 1)
    there, end = run(images, tmp_path / "there", segmenter, cluster=cluster.scheduler_address)
    assert (end.written, end.failed, end.problem) == (10, 1, "")
    here = contents(tmp_path / "here")
    assert here == contents(tmp_path / "there")
    assert len(here) == 3 * 10 + 1
    assert {f.objects for f in files} == {f.objects for f in there}
    _, end = run(images, tmp_path / "there", segmenter)
    assert end.skipped == 10  # whoever did it, it is done


def test_no_scheduler(images, tmp_path, segmenter, monkeypatch):
    monkeypatch.setattr("napari_unet.engine.batch.cluster._KNOCK", 0.5)
    _, end = run(images, tmp_path / "a", segmenter, cluster="tcp://127.0.0.1:9")
    assert "No Dask scheduler answers at tcp://127.0.0.1:9" in end.problem


def test_a_batch_that_is_stopped_goes_on_later(images, tmp_path, segmenter, cluster):
    address = cluster.scheduler_address
    _, end = run(images, tmp_path / "b", segmenter, cluster=address, stopped=lambda: True)
    assert end.cancelled
    assert run(images, tmp_path / "b", segmenter)[1].written == 10


@pytest.mark.timeout(900)  # the workers are new processes, and import torch
def test_a_worker_that_dies_loses_nothing(images, tmp_path, segmenter):
    run(images, tmp_path / "here", segmenter)
    killed: list[int] = []

    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
    ) as cluster:
        pids = [worker.pid for worker in cluster.workers.values()]

        def kill_one():
            done = [p for p in Path(tmp_path / "there").glob("**/*.tif") if p.name[0] != "."]
            if done and not killed:
                killed.append(pids[0])
                os.kill(pids[0], signal.SIGKILL)
            return False

        _, end = run(
            *(images, tmp_path / "there", segmenter),
            cluster=cluster.scheduler_address,
            stopped=kill_one,
        )
    assert killed
    assert (end.written, end.failed, end.problem) == (10, 1, "")
    assert contents(tmp_path / "here") == contents(tmp_path / "there")
