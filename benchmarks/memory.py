"""How good the estimates are by which tiles and batches are fitted to the memory that is free.

    python benchmarks/memory.py

Each pass runs in a process of its own; its highest resident memory, less that after a small pass,
is what it needed. A line each: what ran, MB needed, MB estimated, and their ratio. Linux only.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

from napari_unet.core import fitting
from napari_unet.core.device import choose
from napari_unet.core.image import Picture
from napari_unet.core.prediction import OUTPUT, Predictor
from napari_unet.core.presets import start
from napari_unet.core.settings import Compute

CASES = [
    (what, preset, channels, precision)
    for what in ("tile", "step")
    for preset in ("compact", "paper")
    for channels in (1, 3)
    for precision in ("bf16", "fp32")
]
SMALL = 60
PATCH = {"compact": (2, 332), "paper": (1, 572)}  # patches a step, px read a side


def now():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def image(channels, side):
    return Picture.of(np.random.default_rng(0).normal(size=(channels, side, side)))


def tile(net, device):
    """A tile of full size: bytes needed, and estimated."""
    predictor = Predictor(net, device)

    def run(side):
        picture = image(net.in_channels, side)
        list(predictor.mean(picture, predictor.blocks(picture), mirrored=False))

    run(SMALL)
    before = now()
    run(OUTPUT)
    features = predictor.weight.shape[1]
    return peak() - before, fitting._tile(net, features, net.grids, device, OUTPUT)  # noqa: SLF001


def step(net, device, count, side):
    """The two passes of a training step, without the optimiser: the same."""
    device.put(net).train()

    def run(count, side):
        images = device.tensor(torch.randn(count, net.in_channels, side, side))
        with device.precise():
            found = net(images)
        found.float().square().mean().backward()

    run(1, net.grid.input(16))
    before = now()
    run(count, side)
    kept = fitting._KEPT * net.width * device.precision.itemsize  # noqa: SLF001
    return peak() - before, kept * count * side**2


def one(what, preset, channels, precision):
    """Measure one case, in this process."""
    device = choose(Compute(device="cpu", precision=precision, threads=1))
    net = start(preset, int(channels), 2, "random")
    needed, estimated = tile(net, device) if what == "tile" else step(net, device, *PATCH[preset])
    found = {"needed_mb": round(needed / 2**20), "estimated_mb": round(estimated / 2**20)}
    return {**found, "ratio": round(estimated / needed, 2)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--one", nargs=4, metavar=("WHAT", "PRESET", "CHANNELS", "PRECISION"))
    if (options := parser.parse_args()).one:
        print(json.dumps(one(*options.one)))
        return
    for case in CASES:
        words = [str(word) for word in case]
        said = subprocess.run(
            [sys.executable, __file__, "--one", *words], check=True, capture_output=True, text=True
        )
        print(*words, said.stdout.strip(), flush=True)


main()
