"""Labels by packages of bioimage.io, compared with ours pixel by pixel.

Trains three models for a few steps (an RGB image with three classes, a grey one, and one at half
size), exports each for whole images and for tiles, and segments with ONNX Runtime alone, with
TorchScript, with bioimageio.core at once, with our own import and, on request, with bioimageio.core
in blocks. Needs bioimageio.core; where its versions do not go with ours, run it in an environment
of its own:

    python benchmarks/share.py --blocks --test
"""

from __future__ import annotations

import argparse
import io
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from bioimageio.core import predict, test_model

from napari_unet import train
from napari_unet.core.image import as_plane
from napari_unet.core.package.archive import Archive
from napari_unet.core.package.labelling import Label
from napari_unet.core.package.network import INPUT, OUTPUT, Packaged
from napari_unet.core.package.running import PackageSegmenter
from napari_unet.core.package.steps import apply
from napari_unet.core.package.writing import NORMALISED, write
from napari_unet.core.samples import floating_cell, stained_tissue, touching_cells
from napari_unet.core.settings import Compute, Settings, changed

COMPUTE = Compute(precision="fp32")
FULL, HALF = (changed(Settings(), "network", working_scale=scale) for scale in ("full", "half"))
MODELS = (
    (touching_cells(), FULL, 247),
    (floating_cell(), HALF, 503),
    (stained_tissue(), FULL, 247),
)
HEAD = ("model", "classes", "channels", "scale", "package", "pixels", "ONNX Runtime",
        "TorchScript", "bioimageio.core", "our import", "core in blocks", "test")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--blocks", action="store_true", help="bioimageio.core in blocks, too")
    parser.add_argument("--test", action="store_true", help="run the test of bioimageio, too")
    options = parser.parse_args()
    row(HEAD)
    row(["---"] * len(HEAD))
    for sample, settings, side in MODELS:
        model = train([sample.image], [sample.strokes], classes=sample.classes,
                      steps=options.steps, settings=settings)  # fmt: skip
        image = sample.image[: side + 16, :side]  # sizes that fit no grid
        ours = model.segment(image, compute=COMPUTE)
        for tiled in (False, True):
            network = Packaged(model.net, mirrors=True, measured=not tiled)
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "package.zip"
                write(model, path, Label(authors=("Benchmark",)), tiled=tiled)
                found = segmented(path, as_plane(image), network, blocks=options.blocks)
                agree = [f"{np.mean(labels == ours):.6f}" for labels in found]
                tested = test_model(path, determinism="seed_only").status if options.test else "–"
            kind, scale = "tiles" if tiled else "whole", f"1/{model.net.shrink}"
            channels = model.net.in_channels
            what = (sample.name, len(sample.classes), channels, scale, kind, ours.size)
            blocks = [] if options.blocks and tiled else ["–"]
            row([*what, *agree, *blocks, tested])


def row(cells):
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)


def segmented(path, plane, network, *, blocks):
    """Labels (Y, X) by each way to run a package."""
    archive, h = Archive(path), network.halo
    grey = plane if network.measured else apply(NORMALISED, plane)
    seen = np.pad(grey, ((0, 0), (h, h), (h, h)), mode="reflect").astype(np.float32)[None]
    session = onnxruntime.InferenceSession(archive.weights("weights.onnx"))
    yield labels_of(session.run(None, {INPUT: seen})[0][..., h:-h, h:-h])
    script = torch.jit.load(io.BytesIO(archive.weights("weights.pt")))
    with torch.inference_mode():
        yield labels_of(script(torch.from_numpy(seen)).numpy()[..., h:-h, h:-h])
    yield by_core(path, plane, network)
    labels = np.zeros(plane.shape[1:], np.uint8)
    for window, part, _ in PackageSegmenter(str(path)).pieces(plane, probabilities=False):
        labels[window] = part
    yield labels
    if blocks and not network.measured:
        yield by_core(path, plane, network, blocksize_parameter=2)


def by_core(path, plane, network, **how):
    """With bioimageio.core; images get a size that the package declares, by mirroring the ends."""
    step = 1 if network.measured else network.step
    more = [(0, -n % step) for n in plane.shape[1:]]
    image = np.pad(plane, ((0, 0), *more), mode="reflect")[None].astype(np.float32)
    found = predict(model=path, inputs={INPUT: image}, **how).members[OUTPUT].data
    rows, columns = plane.shape[1:]
    return labels_of(np.asarray(found)[..., :rows, :columns])


def labels_of(shares):
    return shares[0].argmax(0) + 1


if __name__ == "__main__":
    main()
