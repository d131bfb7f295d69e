"""Memory and time of the batch on one huge image: OME-Zarr in, OME-Zarr out.

    python benchmarks/big_batch.py [--sides 4000 8000] [--json FILE]

Each side is measured in a process of its own: the highest resident memory, and the time against
that of as many warm tiles of the same network without reading, padding, normalising and writing.
A side of 20,000 px takes hours without a graphics card; that memory does not grow with the area
shows at smaller ones, too. Needs the extra `formats`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import zarr

CHUNK = 512


def make(path, side):
    """An OME-Zarr image of cells, uint8, chunk by chunk."""
    group = zarr.open_group(path, mode="w", zarr_format=2)
    image = group.create_array(
        "0", shape=(side, side), chunks=(CHUNK, CHUNK), dtype="u1",
        chunk_key_encoding={"name": "v2", "separator": "/"},
    )  # fmt: skip
    scale = [{"type": "scale", "scale": [1.0, 1.0]}]
    axes = [{"name": name, "type": "space"} for name in "yx"]
    datasets = [{"path": "0", "coordinateTransformations": scale}]
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": datasets}]
    random = np.random.default_rng(0)
    for top in range(0, side, CHUNK):
        y, x = np.mgrid[top : min(top + CHUNK, side), :side]
        cells = 90 + 70 * np.sin(x / 31) * np.cos(y / 43)
        image[top : top + CHUNK] = np.clip(
            cells + random.normal(0, 12, cells.shape), 0, 255
        ).astype(np.uint8)


def peak():
    """Highest resident memory of this process, MB."""
    line = next(s for s in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in s)
    return round(int(line.split()[1]) / 1e3)


def one(source, target, threads):
    """Segment the image; run in a process of its own."""
    import torch

    from napari_unet.core.device import choose
    from napari_unet.core.model import Model
    from napari_unet.core.presets import start
    from napari_unet.core.recipe import Recipe
    from napari_unet.core.settings import Compute, Settings
    from napari_unet.engine.batch.plan import Order
    from napari_unet.engine.batch.segmenter import ModelSegmenter
    from napari_unet.engine.folder import segment_folder
    from napari_unet.engine.messages import FolderSegmented

    torch.manual_seed(0)
    model = Model.of(start("compact", 1, 2, "random"), ("background", "cell"), Settings())
    compute = Compute(mirrors=False, threads=threads)
    predictor = model.predictor(choose(compute, spare=0))
    tile = torch.zeros(1, 1, *[predictor.grid.input(CHUNK)] * 2)

    def warm():
        best = []
        for _ in range(4):
            began = time.perf_counter()
            predictor.probabilities(predictor.forward(tile)[0])
            best.append(time.perf_counter() - began)
        return float(np.median(best[1:]))

    before, idle = warm(), peak()
    began = time.perf_counter()
    order = Order((Path(source),), Path(target), recipe=Recipe(("classes",), "ome-zarr"))
    *_, end = segment_folder(order, ModelSegmenter(model.to_bytes(), compute))
    took = time.perf_counter() - began
    if not isinstance(end, FolderSegmented) or end.written != 1:
        raise SystemExit(f"The batch failed: {end}")
    side = zarr.open_group(source, mode="r")["0"].shape[0]
    speed = CHUNK**2 / np.mean([before, warm()])
    print(json.dumps({
        "side": side, "s": round(took, 1), "Mpx/s": round(side**2 / took / 1e6, 3),
        "time / warm tiles": round(took / (side**2 / speed), 3),
        "peak MB": peak(), "peak MB before": idle, "load": os.getloadavg()[0],
    }))  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sides", type=int, nargs="*", default=[4000, 8000])
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--large", type=int, default=1 << 22, help="px from which it is in blocks")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        from napari_unet.core import image

        image.LARGE = options.large  # so that sides that can be waited for take the same way
        one(*options.one, options.threads)
        return
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for side in options.sides:
            source, target = (Path(folder) / f"{side}{end}" for end in (".ome.zarr", ""))
            make(source, side)
            line = [
                *(sys.executable, __file__, "--one", str(source), str(target)),
                *("--threads", str(options.threads), "--large", str(options.large)),
            ]
            done = subprocess.run(line, check=True, capture_output=True, text=True)
            found.append(json.loads(done.stdout.splitlines()[-1]))
            print(json.dumps(found[-1]), flush=True)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
