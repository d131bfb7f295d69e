"""Reading, computing and writing overlap, and memory does not grow with the number of files."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_unet.core.recipe import Recipe
from napari_unet.engine.batch import pipeline
from napari_unet.engine.batch.delivery import Delivery
from napari_unet.engine.batch.pipeline import Advanced, run_here, run_one
from napari_unet.engine.batch.plan import Job


class Slow:
    classes = ("a", "b")
    identity = b""

    def __init__(self, seconds=0.0):
        self.seconds, self.threads, self.planes = seconds, set(), []

    def pieces(self, plane, *, probabilities):
        self.threads.add(threading.current_thread())
        self.planes.append(int(plane[0, 0, 0]))
        time.sleep(self.seconds)
        yield (
            (slice(0, plane.shape[1]), slice(0, plane.shape[2])),
            np.ones(plane.shape[1:], np.uint8),
            None,
        )


@pytest.fixture
def jobs(tmp_path):
    jobs = []
    for n in range(12):
        tifffile.imwrite(tmp_path / f"{n}.tif", np.full((9, 9), n, np.uint8))
        jobs.append(Job(tmp_path / f"{n}.tif", f"{n}.tif", f"{n}"))
    return jobs


def deliveries(steps):
    return [step for step in steps if isinstance(step, Delivery)]


def test_stages_overlap_and_the_order_stays(jobs, tmp_path, monkeypatch):
    slow, active, most = 0.03, set(), []

    def watched(stage, work):
        def do(*args, **kinds):
            active.add(stage)
            most.append(len(active))
            time.sleep(slow)
            try:
                return work(*args, **kinds)
            finally:
                active.discard(stage)

        return do

    monkeypatch.setattr(pipeline, "write", watched("write", pipeline.write))
    segmenter = Slow(slow)
    whole = segmenter.pieces
    segmenter.pieces = lambda *a, **k: watched("compute", lambda: list(whole(*a, **k)))()
    steps = run_here(jobs, segmenter, Recipe(), tmp_path / "out", "key")
    assert [d.job for d in deliveries(steps)] == jobs
    assert segmenter.planes == list(range(12))
    assert segmenter.threads == {threading.main_thread()}
    assert max(most) == 2


def test_reading_stays_only_a_little_ahead(jobs, tmp_path, monkeypatch):
    read = []
    whole = pipeline.read
    monkeypatch.setattr(
        pipeline, "read", lambda job, *a, **k: read.append(job) or whole(job, *a, **k)
    )
    steps = run_here(jobs, Slow(), Recipe(), tmp_path / "out", "key")
    while not isinstance(next(steps), Delivery):
        pass
    assert len(read) <= 9
    steps.close()
    assert not [p for p in (tmp_path / "out").rglob("*") if p.name.endswith(".part")][1:]


def test_the_caller_hears_something_while_a_file_is_slow_to_read(jobs, tmp_path, monkeypatch):
    gate = threading.Event()
    whole = pipeline.read
    monkeypatch.setattr(pipeline, "read", lambda *a, **k: gate.wait(20) and whole(*a, **k))
    monkeypatch.setattr(pipeline, "_PATIENCE", 0.01)
    steps = run_here(jobs, Slow(), Recipe(), tmp_path / "out", "key")
    assert next(steps) == Advanced(jobs[0], 0.0)
    assert next(steps) == Advanced(jobs[0], 0.0)
    gate.set()
    steps.close()


def test_a_disk_that_is_full_fails_the_file_and_leaves_nothing(jobs, tmp_path, monkeypatch):
    def full(part: Path, *_args, **_kwargs):
        part.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("napari_unet.engine.batch.delivery.write_image", full)
    found = deliveries(run_here(jobs[:2], Slow(), Recipe(), tmp_path / "out", "key"))
    assert ["No space left" in d.problem for d in found] == [True, True]
    assert list((tmp_path / "out").iterdir()) == []


def test_a_stack_that_breaks_off_is_one_problem(tmp_path):
    path = tmp_path / "s.tif"
    tifffile.imwrite(path, np.random.default_rng(0).integers(0, 255, (30, 64, 64), dtype=np.uint8),
                     compression="zlib")  # fmt: skip
    with tifffile.TiffFile(path) as file:
        offset, size = file.pages[20].dataoffsets[0], file.pages[20].databytecounts[0]
    data = bytearray(path.read_bytes())
    data[offset : offset + size] = bytes(size)
    path.write_bytes(data)
    after = tmp_path / "t.tif"
    tifffile.imwrite(after, np.zeros((9, 9), np.uint8))
    jobs = [Job(path, "s.tif", "s"), Job(after, "t.tif", "t")]
    found = deliveries(run_here(jobs, Slow(), Recipe(), tmp_path / "out", "key"))
    assert [bool(d.problem) for d in found] == [True, False]
    assert run_one(jobs[0], Slow(), Recipe(), tmp_path / "out", "key").problem == found[0].problem
