"""The same function on a Dask cluster, and what becomes of a batch whose worker dies."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch

from napari_unet.core.device import choose
from napari_unet.core.model import Model
from napari_unet.core.package.running import PackageSegmenter
from napari_unet.core.recipe import Recipe
from napari_unet.core.settings import Compute, Settings
from napari_unet.core.unet import UNet
from napari_unet.engine.batch import cluster as cluster_module
from napari_unet.engine.batch.plan import Job, Order
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


def test_workers_all_predict_by_the_same_library(segmenter):
    assert choose(segmenter.compute).accelerate
    assert not choose(cluster_module._pinned(segmenter)).accelerate


def test_no_scheduler(images, tmp_path, segmenter, monkeypatch):
    monkeypatch.setattr("napari_unet.engine.batch.cluster._KNOCK", 0.5)
    _, end = run(images, tmp_path / "a", segmenter, cluster="tcp://127.0.0.1:9")
    assert "No Dask scheduler answers at tcp://127.0.0.1:9" in end.problem


def test_a_batch_that_is_stopped_goes_on_later(images, tmp_path, segmenter, cluster):
    address = cluster.scheduler_address
    _, end = run(images, tmp_path / "b", segmenter, cluster=address, stopped=lambda: True)
    assert end.cancelled
    assert run(images, tmp_path / "b", segmenter)[1].written == 10


def test_workers_that_do_not_see_the_results(images, tmp_path, segmenter, cluster, monkeypatch):
    def unseen(model, _compute):
        raise FileNotFoundError(2, "No such file or directory", model)

    monkeypatch.setattr(cluster_module, "_kept", unseen)
    address = cluster.scheduler_address
    files, end = run(images, tmp_path / "c", segmenter, cluster=address)
    assert (end.written, end.failed, end.problem) == (0, 11, "")
    said = f"The workers do not see {tmp_path / 'c'}: "
    assert all(f.error.startswith(said) and "same paths on all machines" in f.error for f in files)


def test_workers_that_do_not_see_the_images(tmp_path, segmenter):
    (tmp_path / "model").write_bytes(segmenter.data)
    job = Job(tmp_path / "elsewhere" / "a.tif", "a.tif", "a")
    model = str(tmp_path / "model")
    found = cluster_module._task(model, segmenter.compute, Recipe(), tmp_path, "key", job)
    assert f"The workers do not see {job.source}" in found.problem


def test_an_error_nobody_foresaw_ends_one_image(images, tmp_path, segmenter, cluster, monkeypatch):
    whole = cluster_module.run_one

    def bug(job, *args):
        if job.source.name == "i4.tif":
            raise ValueError("a bug")
        return whole(job, *args)

    monkeypatch.setattr(cluster_module, "run_one", bug)
    files, end = run(images, tmp_path / "d", segmenter, cluster=cluster.scheduler_address)
    assert (end.written, end.failed, end.problem) == (9, 2, "")
    assert any("i4.tif: unforeseen ValueError: a bug" in f.error for f in files)


def test_a_package_is_not_sent(images, tmp_path):
    package = PackageSegmenter("package.zip")
    vars(package).update(classes=("a", "b"), identity=b"package")  # without reading it
    _, end = run(images, tmp_path / "e", package, cluster="tcp://127.0.0.1:9")
    assert "package's network cannot be sent to a cluster: run the batch without" in end.problem


def test_a_scheduler_that_ends(images, tmp_path, segmenter, monkeypatch):
    monkeypatch.setattr(cluster_module, "_KNOCK", 2)
    gate, whole = threading.Event(), cluster_module.run_one

    def slow(job, *args):
        if job.source.name != "i0.tif":
            gate.wait(60)
        return whole(job, *args)

    monkeypatch.setattr(cluster_module, "run_one", slow)
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
    ) as cluster:
        done, address = [], cluster.scheduler_address

        def end_it():
            if list((tmp_path / "f").glob("i0.tif")) and not done:
                done.append(True)
                threading.Timer(1, gate.set).start()
                cluster.close(10)
            return False

        _, end = run(images, tmp_path / "f", segmenter, cluster=address, stopped=end_it)
    assert end.problem.startswith(f"The Dask scheduler at {address} ended or cannot be reached")
    assert "start it again, then the batch" in end.problem
    monkeypatch.setattr(cluster_module, "run_one", whole)
    _, end = run(images, tmp_path / "f", segmenter)
    assert end.skipped >= 1
    assert end.written + end.skipped == 10


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
