"""Files per second of a batch of small images, against a plain loop and on a Dask cluster.

    python benchmarks/batch.py [--files 1000] [--side 256] [--workers 1 4] [--json FILE]

The plain loop reads a file, runs the same network on it and writes a label file, one step after
the other, without a ledger, without care for crashes. The cluster is local: on a machine with few
cores it shows that the results are the same, and what the cluster costs.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import tifffile
import torch

from napari_unet.core.device import choose
from napari_unet.core.image import Picture, as_plane
from napari_unet.core.model import Model
from napari_unet.core.presets import start
from napari_unet.core.settings import Compute, Settings
from napari_unet.engine.batch.plan import Order
from napari_unet.engine.batch.segmenter import ModelSegmenter
from napari_unet.engine.folder import segment_folder
from napari_unet.engine.messages import FolderSegmented


def images(folder: Path, count: int, side: int) -> None:
    random = np.random.default_rng(0)
    folder.mkdir()
    y, x = np.mgrid[:side, :side]
    for n in range(count):
        height, width = random.uniform(20, 60, 2)
        cells = 90 + 70 * np.sin(x / width * 6) * np.cos(y / height * 6)
        noisy = np.clip(cells + random.normal(0, 12, (side, side)), 0, 255)
        tifffile.imwrite(folder / f"image_{n:04}.tif", noisy.astype(np.uint8))


def plain(source: Path, target: Path, segmenter: ModelSegmenter) -> None:
    target.mkdir()
    predictor = Model.from_bytes(segmenter.data).predictor(choose(segmenter.compute, spare=0))
    for file in sorted(source.iterdir()):
        picture = Picture.of(as_plane(tifffile.imread(file)))
        labels = np.zeros(picture.shape, np.uint8)
        for tile, found in predictor.segment(picture, mirrored=segmenter.compute.mirrors):
            labels[tile.write] = found
        tifffile.imwrite(target / file.name, labels, compression="zlib")


def batch(source: Path, target: Path, segmenter: ModelSegmenter, cluster: str = "") -> None:
    *_, end = segment_folder(Order((source,), target), segmenter, cluster=cluster)
    if not isinstance(end, FolderSegmented) or end.failed or end.skipped or end.problem:
        raise SystemExit(f"The batch failed: {end}")


def seconds(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def labels(folder: Path) -> dict[str, bytes]:
    return {p.name: tifffile.imread(p).tobytes() for p in folder.glob("*.tif")}


def on_cluster(source: Path, target: Path, segmenter: ModelSegmenter, workers: int) -> float:
    from distributed import Client, LocalCluster

    with LocalCluster(workers, threads_per_worker=1, dashboard_address=":0") as cluster:
        warm = source.parent / f"warm_{workers}"
        (warm / "in").mkdir(parents=True)
        for file in list(source.iterdir())[: 2 * workers]:
            (warm / "in" / file.name).write_bytes(file.read_bytes())
        batch(warm / "in", warm / "out", segmenter, cluster.scheduler_address)  # imports torch
        with Client(cluster, set_as_default=False):
            return seconds(lambda: batch(source, target, segmenter, cluster.scheduler_address))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--mirrors", action="store_true")
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 4])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    compute = Compute(mirrors=options.mirrors, threads=options.threads)
    torch.manual_seed(0)
    net = start("compact", 1, 2, "random")  # the size counts here, not what it learnt
    model = Model.of(net, ("background", "cell"), Settings())
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        source = root / "images"
        images(source, options.files, options.side)
        segmenter = ModelSegmenter(model.to_bytes(), compute)
        few = root / "few"
        images(few, 3, options.side)
        plain(few, root / "warm", segmenter)
        result = {"files": options.files, "side": options.side}
        for name, work in (("plain loop", plain), ("batch", batch)):
            took = seconds(lambda work=work, name=name: work(source, root / name, segmenter))
            result[f"{name}, files/s"] = round(options.files / took, 2)
        again = seconds(lambda: list(segment_folder(Order((source,), root / "batch"), segmenter)))
        result["batch again, nothing to do, files/s"] = round(options.files / again)
        result["same labels"] = labels(root / "plain loop") == labels(root / "batch")
        for workers in options.workers:
            target = root / f"{workers} Dask workers"
            took = on_cluster(source, target, segmenter, workers)
            result[f"{target.name}, files/s"] = round(options.files / took, 2)
            result[f"{target.name}, same bytes"] = all(
                (target / p.name).read_bytes() == p.read_bytes()
                for p in (root / "batch").glob("*.tif")
            )
    print(json.dumps(result, indent=1))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
