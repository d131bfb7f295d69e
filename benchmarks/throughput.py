"""Overlap-tile throughput: Mpx/s and seams against MONAI, GFLOP/s of both networks, overhead.

    python benchmarks/throughput.py [--side 2048] [--repeats 5] [--json FILE]

All are the same network in the same precision on the same image. MONAI's sliding windows need a
network that keeps the size, so each window is mirrored at its border and given the context that
way; ours read it from the image. At 2048 px all of its windows begin on the pooling grid. The
error is the difference of the probabilities to those of the whole image in one piece. MONAI must
be importable; without it (`--without-monai`) only ours are measured. Say how busy the machine is
with any number that you quote.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import tifffile
import torch
from torch import nn
from torch.nn import functional

from napari_unet.core.device import choose
from napari_unet.core.image import Picture
from napari_unet.core.model import Model
from napari_unet.core.prediction import Predictor
from napari_unet.core.presets import start
from napari_unet.core.settings import Compute, Settings
from napari_unet.engine.batch.plan import Order
from napari_unet.engine.batch.segmenter import ModelSegmenter
from napari_unet.engine.folder import segment_folder

WINDOW = 512  # px, of MONAI's windows; ours decide as many


def image(side):
    """A made-up image of cells, uint8."""
    y, x = np.mgrid[:side, :side]
    cells = 90 + 70 * np.sin(x / 31) * np.cos(y / 43)
    return np.clip(cells + np.random.default_rng(0).normal(0, 12, (side, side)), 0, 255).astype(
        "u1"
    )


def seconds(work, repeats):
    """Median and best of a few timings, after one that does not count."""
    work()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times), min(times)


def flops(net, side):
    """Multiplications and additions of the convolutions for one input of side × side px."""
    total = 0

    def count(layer, _, output):
        nonlocal total
        if isinstance(layer, nn.ConvTranspose2d):
            total += 2 * layer.in_channels * output[0].numel()
        else:
            total += 2 * layer.in_channels * math.prod(layer.kernel_size) * output[0].numel()

    layers = [la for la in net.modules() if isinstance(la, (nn.Conv2d, nn.ConvTranspose2d))]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    with torch.inference_mode():
        net(torch.zeros(1, 1, side, side))
    for hook in hooks:
        hook.remove()
    return total


def probabilities(predictor, images):
    """Of standardised images (1, C, *input): (1, K, *output) float32."""
    return predictor.probabilities(predictor.forward(images)[0])[None]


def ours(predictor, picture):
    """All tiles, put together: (K, Y, X)."""
    found = torch.empty(len(predictor.bias), *picture.shape)
    for tile, part in predictor.mean(picture, predictor.tiles(picture), mirrored=False):
        found[(slice(None), *tile.write)] = part.cpu()
    return found


def whole(predictor, picture):
    """The image in one piece: (K, Y, X)."""
    grid = predictor.grid
    window = tuple(slice(-grid.margin, grid.input(n) - grid.margin) for n in picture.shape)
    found = probabilities(predictor, torch.from_numpy(picture.read(window))[None])[0].cpu()
    return found[:, : picture.shape[0], : picture.shape[1]]


def monai(predictor, picture, overlap):
    """MONAI's sliding windows, Gaussian weights: (K, Y, X)."""
    from monai.inferers import sliding_window_inference

    grid = predictor.grid

    def same_size(images):
        low, high = grid.margin, grid.input(WINDOW) - grid.margin - WINDOW
        padded = functional.pad(images, (low, high, low, high), mode="reflect")
        found = probabilities(predictor, padded)[..., :WINDOW, :WINDOW]
        return found.clone()  # MONAI weighs it in place, which inference tensors refuse

    pixels = torch.from_numpy(picture.read(tuple(slice(0, n) for n in picture.shape)))[None]
    return sliding_window_inference(
        pixels, (WINDOW, WINDOW), 1, same_size, overlap=overlap, mode="gaussian"
    )[0]  # fmt: skip


def error(found, truth):
    """How far from the image in one piece."""
    differ = (found - truth).abs()
    return {
        "largest error": float(differ.max()),
        "mean error": float(differ.mean()),
        "other labels, per cent": round(
            100 * float((found.argmax(0) != truth.argmax(0)).float().mean()), 4
        ),
    }


def against_monai(predictor, options):
    picture = Picture.of(image(options.side)[None])
    truth, mpx = whole(predictor, picture), options.side**2 / 1e6
    ways = {"ours": lambda: ours(predictor, picture)}
    if not options.without_monai:
        for overlap in (0.25, 0.5):
            ways[f"MONAI, overlap {overlap}"] = lambda o=overlap: monai(predictor, picture, o)
    found = {}
    for name, way in ways.items():
        median, best = seconds(way, options.repeats)
        found[name] = {
            "Mpx/s": round(mpx / median, 3), "Mpx/s, best": round(mpx / best, 3),
            **error(way(), truth),
        }  # fmt: skip
    return found


def network(preset, device, repeats):
    """Seconds for one tile and for 512²; GFLOP/s."""
    torch.manual_seed(0)
    net = start(preset, 1, 2, "random").eval()
    predictor = Predictor(net, device)
    found = {"precision": device.said, "threads": device.threads}
    for name, side in (("572 → 388", 572), ("512² (one tile)", predictor.grid.input(512))):
        work, tile = flops(net, side), torch.zeros(1, 1, side, side)
        median, best = seconds(lambda tile=tile: probabilities(predictor, tile), repeats)
        found[name] = {
            "GFLOP": round(work / 1e9, 1), "s": round(median, 3), "s, best": round(best, 3),
            "GFLOP/s": round(work / 1e9 / median), "GFLOP/s, best": round(work / 1e9 / best),
        }  # fmt: skip
    return found


def overhead(options, device):
    """A file through the batch against its tiles alone, already cut, padded and normalised."""
    torch.manual_seed(0)
    model = Model.of(start("compact", 1, 2, "random"), ("background", "cell"), Settings())
    precision = "bf16" if device.precision == torch.bfloat16 else "fp32"  # as of all else here
    compute = Compute(mirrors=False, threads=device.threads, precision=precision)
    segmenter = ModelSegmenter(model.to_bytes(), compute)
    predictor, plane = Predictor(model.net, device), image(options.side)
    picture = Picture.of(plane[None])
    todo = predictor.tiles(picture)
    parts = [torch.from_numpy(picture.read(tile.read))[None] for tile in todo]
    alone, batch = [], []
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "image.tif"
        tifffile.imwrite(source, plane)
        for number in range(options.repeats + 1):  # in turn, so that both meet the same machine
            began = time.perf_counter()
            for part in parts:
                probabilities(predictor, part)
            alone.append(time.perf_counter() - began)
            began = time.perf_counter()
            for _ in segment_folder(Order((source,), Path(folder) / str(number)), segmenter):
                pass
            batch.append(time.perf_counter() - began)
    ratios = [b / a - 1 for a, b in zip(alone[1:], batch[1:], strict=True)]
    return {
        "tiles": len(todo), "network alone, s": round(statistics.median(alone[1:]), 2),
        "file to file, s": round(statistics.median(batch[1:]), 2),
        "added, per cent": round(100 * statistics.median(ratios), 1),
    }  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--side", type=int, default=2048)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--precision", choices=("auto", "fp32", "bf16"), default="auto")
    parser.add_argument("--without-monai", action="store_true")
    parser.add_argument("--without-paper", action="store_true", help="its tiles take seconds")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    compute = Compute(threads=options.threads, precision=options.precision)
    device = choose(compute, spare=0)
    result = {"load": [round(n, 1) for n in os.getloadavg()], "device": device.name}
    for preset in ("compact", *(() if options.without_paper else ("paper",))):
        result[preset] = network(preset, device, options.repeats)
        print(json.dumps({preset: result[preset]}), flush=True)
    torch.manual_seed(0)
    net = start("compact", 1, 2, "bundled").eval()
    nn.init.normal_(net.head.weight)  # it knows no classes yet, and would call all of them equal
    predictor = Predictor(net, device)
    result[f"{options.side} px"] = against_monai(predictor, options)
    result["overhead"] = overhead(options, device)
    print(json.dumps(result, indent=1, ensure_ascii=False))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
