"""Labels by packages of bioimage.io, compared with ours pixel by pixel.

Trains six models for a few steps (grey and RGB at full and at half size, three classes, and one of
objects), exports each for whole images and for tiles, and segments parts of its image with ONNX
Runtime alone, with TorchScript, with bioimageio.core at once, with our own import and, on request,
with bioimageio.core in blocks. Parts smaller than a package declares are left out of
bioimageio.core's share. Needs bioimageio.core, whose versions do not go with ours, so run it in an
environment of its own. `--keep` keeps models and packages, and goes on with those that are there:

    pip install ".[bioimageio]"
    pip install "bioimageio.core==0.11.0" "xarray<2024.11" "pydantic<2.12"
    python benchmarks/share.py --test --keep packages
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
from skimage.measure import label as numbered

from napari_unet import load, train
from napari_unet.core.image import as_plane
from napari_unet.core.package.archive import Archive
from napari_unet.core.package.labelling import Label
from napari_unet.core.package.network import INPUT, OUTPUT, Packaged
from napari_unet.core.package.running import PackageSegmenter
from napari_unet.core.package.steps import apply
from napari_unet.core.package.writing import NORMALISED, write
from napari_unet.core.samples import floating_cell, stained_tissue, touching_cells, vessels
from napari_unet.core.settings import Compute, Settings, changed

COMPUTE = Compute(precision="fp32")
FULL, HALF = (changed(Settings(), "network", working_scale=scale) for scale in ("full", "half"))
MODELS = (
    (touching_cells(), FULL, "classes"),
    (floating_cell(), HALF, "classes"),
    (vessels(), FULL, "classes"),
    (vessels(), HALF, "classes"),
    (stained_tissue(), HALF, "classes"),
    (touching_cells(), FULL, "objects"),
)
SIZES = {1: ((97, 130), (201, 333), (263, 247)), 2: ((97, 130), (385, 411), (503, 450))}
HEAD = ("model", "classes", "channels", "scale", "of", "package", "pixels", "ONNX Runtime",
        "TorchScript", "bioimageio.core", "our import", "core in blocks", "test")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--blocks", action="store_true", help="bioimageio.core in blocks, too")
    parser.add_argument("--test", action="store_true", help="run the test of bioimageio, too")
    parser.add_argument("--keep", type=Path, help="a folder for models and packages")
    parser.add_argument(
        "--kinds", nargs="+", choices=["whole", "tiles"], default=["whole", "tiles"]
    )
    options = parser.parse_args()
    row(HEAD)
    row(["---"] * len(HEAD))
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for number, (sample, _, of) in enumerate(MODELS):
            model = trained(number, folder, options.steps)
            for kind in options.kinds:
                path = folder / f"{number}-{kind}.zip"
                if not path.exists():
                    label = Label(authors=("Benchmark",))
                    write(model, path, label, tiled=kind == "tiles")
                agree, pixels = compared(model, path, sample.image, kind, options.blocks)
                tested = test_model(path, determinism="seed_only").status if options.test else "–"
                shape = model.header.shape
                what = (shape.classes, shape.in_channels, f"1/{shape.shrink}", of, kind, pixels)
                row([sample.name, *what, *agree, tested])


def trained(number, folder, steps):
    """A model of the list, the one in the folder if it is there."""
    path, (sample, settings, of) = folder / f"{number}.safetensors", MODELS[number]
    if not path.exists():
        paint, how = sample.strokes, {"classes": sample.classes}
        if of == "objects":
            paint, how = numbered(sample.truth == 2), {"objects": "dense"}
        train([sample.image], [paint], steps=steps, settings=settings, **how).save(path)
    return load(path)


def compared(model, path, image, kind, blocks):
    """Share of pixels with our labels, by each way to run the package; how many pixels."""
    network = Packaged(model.net, mirrors=True, measured=kind == "whole")
    same, counts, total = [], [], 0
    for height, width in SIZES[model.net.shrink]:
        part = np.ascontiguousarray(image[:height, :width])
        ours = model.segment(part, compute=COMPUTE)
        found = list(segmented(path, as_plane(part), network, blocks=blocks))
        same.append([0 if labels is None else np.sum(labels == ours) for labels in found])
        counts.append([0 if labels is None else ours.size for labels in found])
        total += ours.size
    shares = np.sum(same, 0) / np.maximum(np.sum(counts, 0), 1)
    missing = [] if blocks and kind == "tiles" else ["–"]
    return [*(f"{share:.6f}" for share in shares), *missing], total


def row(cells):
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)


def segmented(path, plane, network, *, blocks):
    """Labels (Y, X) by each way to run a package; None where an image is too small for it."""
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
    if min(plane.shape[1:]) < 2 * network.halo + step:
        return None
    more = [(0, -n % step) for n in plane.shape[1:]]
    image = np.pad(plane, ((0, 0), *more), mode="reflect")[None].astype(np.float32)
    found = predict(model=path, inputs={INPUT: image}, **how).members[OUTPUT].data
    rows, columns = plane.shape[1:]
    return labels_of(np.asarray(found)[..., :rows, :columns])


def labels_of(shares):
    return shares[0].argmax(0) + 1


if __name__ == "__main__":
    main()
