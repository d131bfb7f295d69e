"""Would another engine predict a tile faster? torch.compile, ONNX Runtime, OpenVINO against ours.

    python benchmarks/compiled.py [--threads 2] [--repeats 9] [--json FILE]
    python benchmarks/compiled.py --whole [--files 40] [--side 4000] [--repeats 3]

One tile of 700 px (516 px out) of the bundled `compact` network with a last layer for two classes,
in turn, one run. The first line is what the program does without OpenVINO: PyTorch as it is, in the
precision that is fastest here. Engines that are not installed are left out; torch.compile needs a
C++ compiler. Says seconds to get ready, seconds a tile (median, best), how many times as fast as
ours, and the share of pixels that get the same label as in float32.

`--whole`: what the program makes of it from file to file, OpenVINO's compilation included: a batch
of files of 512 px, and one of one large image, by default with four mirror images each; each run in
a process of its own, with and without in turn. Says medians of seconds, of seconds of the CPU
(which other work on the machine changes less) and of the highest resident memory; how many times
as fast it is with as without; and the share of the same labels.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import tifffile
import torch
from skimage import data

from napari_unet.core.compiled import library
from napari_unet.core.device import choose
from napari_unet.core.image import Picture
from napari_unet.core.model import Model
from napari_unet.core.prediction import OUTPUT, Predictor, logits
from napari_unet.core.presets import start
from napari_unet.core.settings import Compute, Settings
from napari_unet.engine.batch.plan import Order
from napari_unet.engine.batch.segmenter import ModelSegmenter
from napari_unet.engine.folder import segment_folder


def tile(predictor):
    """A normalised tile of full size, cut from a real image that is tiled: (1, 1, 700, 700)."""
    camera = data.camera()
    picture = Picture.of(np.tile(camera, (2, 2))[None])
    side = predictor.grid.input(OUTPUT)
    return torch.from_numpy(picture.read((slice(0, side), slice(0, side))))[None]


class Whole(torch.nn.Module):
    """Features and last layer in one piece: (1, K, h, w) of a tile."""

    def __init__(self, predictor):
        super().__init__()
        self.net = predictor._net  # noqa: SLF001 - folded, in its precision and layout
        self.register_buffer("weight", predictor.weight)
        self.register_buffer("bias", predictor.bias)

    def forward(self, image):
        return logits(self.net.features(image)[0], self.weight, self.bias)[None]


def ours(predictor, image):
    def run():
        return logits(predictor.forward(image)[0], predictor.weight, predictor.bias)[None]

    return run


def compiled(predictor, image):
    from torch._inductor import config

    config.freezing = True
    network = torch.compile(Whole(predictor))
    given = predictor.device.tensor(image.to(predictor.device.precision))

    def run():
        with torch.inference_mode():
            return network(given)

    return run


def exported(predictor, image):
    path = Path(tempfile.mkdtemp()) / "network.onnx"
    with torch.no_grad():
        traced = torch.jit.trace(Whole(predictor).eval(), (image,))
        torch.onnx.export(
            traced, (image,), path, input_names=["image"], output_names=["logits"],
            opset_version=17, dynamo=False,
        )  # fmt: skip
    return path


def onnx_runtime(predictor, image, threads):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    path = exported(predictor, image)
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    given = {"image": image.numpy()}
    return lambda: torch.from_numpy(session.run(None, given)[0])


def openvino(predictor, image, threads, precision):
    hints = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": precision}
    network = library().Core().compile_model(exported(predictor, image), "CPU", hints)
    return lambda: torch.from_numpy(network(image.numpy())[0])


def timed(run, repeats):
    """Median and best seconds of some runs."""
    spent = []
    for _ in range(repeats):
        began = time.perf_counter()
        run()
        spent.append(time.perf_counter() - began)
    return float(np.median(spent)), min(spent)


def network_of_two_classes():
    torch.manual_seed(0)
    return start("compact", 1, 2, "bundled").eval()


def images(folder, count, side):
    """Images of one size, each another part of one that is tiled, with noise."""
    folder.mkdir()
    camera, random = data.camera(), np.random.default_rng(0)
    times = -(-side // len(camera)) + 1
    for n in range(count):
        top, left = random.integers(0, len(camera), 2)
        part = np.tile(camera, (times, times))[top : top + side, left : left + side]
        noisy = np.clip(part + random.normal(0, 5, part.shape), 0, 255)
        tifffile.imwrite(folder / f"{n:03}.tif", noisy.astype(np.uint8))


def one(source, target, accelerate, threads):
    """Segment a folder, and say how long it took; run in a process of its own."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    model = Model.of(network_of_two_classes(), ("background", "cell"), Settings())
    compute = Compute(device="cpu", threads=threads, accelerate=accelerate)
    segmenter = ModelSegmenter(model.to_bytes(), compute)
    began, busy = time.perf_counter(), time.process_time()
    *_, end = segment_folder(Order((Path(source),), Path(target)), segmenter)
    took, busy = time.perf_counter() - began, time.process_time() - busy
    if not end.written or end.failed:
        raise SystemExit(f"The batch failed: {end}")
    status = Path("/proc/self/status").read_text().splitlines()
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    print(json.dumps({"s": took, "CPU s": busy, "MB": round(peak / 1e3)}))


def median(lines, unit):
    return float(np.median([line[unit] for line in lines]))


def whole(options):
    """Batches with and without OpenVINO."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, count, side in (("files", options.files, 512), ("image", 1, options.side)):
            if not count or not side:
                continue
            source, runs = root / name, {"with": [], "without": []}
            images(source, count, side)
            for n in range(options.repeats):
                for how, lines in runs.items():
                    line = [sys.executable, __file__, "--threads", str(options.threads), "--one"]
                    line += [str(source), str(root / f"{name} {how} {n}"), how]
                    done = subprocess.run(line, check=True, capture_output=True, text=True)
                    lines.append(json.loads(done.stdout.splitlines()[-1]))
                    print(name, how, lines[-1], done.stderr.splitlines(), flush=True)
            same = [
                np.mean(
                    tifffile.imread(path) == tifffile.imread(root / f"{name} without 0" / path.name)
                )
                for path in (root / f"{name} with 0").glob("*.tif")
            ]
            line = found[f"{count} × {side}² px"] = {"same labels": round(float(np.mean(same)), 6)}
            for unit in ("s", "CPU s", "MB"):
                line[unit] = {how: round(median(runs[how], unit), 1) for how in runs}
            for unit in ("s", "CPU s"):
                times = median(runs["without"], unit) / median(runs["with"], unit)
                line[f"times as fast, {unit}"] = round(times, 2)
    for name, line in found.items():
        print(name, json.dumps(line), flush=True)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--whole", action="store_true", help="from file to file")
    parser.add_argument("--files", type=int, default=40, help="with --whole, of 512 px")
    parser.add_argument("--side", type=int, default=4000, help="with --whole, of one image")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        source, target, how = options.one
        one(source, target, how == "with", options.threads)
        return
    found = whole(options) if options.whole else tiles(options)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


def tiles(options):
    """One tile by each engine."""
    device = choose(Compute(device="cpu", threads=options.threads), spare=0)
    exact = choose(Compute(device="cpu", threads=options.threads, precision="fp32"), spare=0)
    net = network_of_two_classes()
    fast, slow = Predictor(net, device), Predictor(net, exact)
    image = tile(fast)
    truth = ours(slow, image)().argmax(1)
    ways = {
        f"ours, {device.said}": lambda: ours(fast, image),
        "ours, float32": lambda: ours(slow, image),
        f"torch.compile, {device.said}": lambda: compiled(fast, image),
    }
    if importlib.util.find_spec("onnxruntime"):
        ways["ONNX Runtime, float32"] = lambda: onnx_runtime(slow, image, device.threads)
    if importlib.util.find_spec("openvino"):
        ways["OpenVINO, float32"] = lambda: openvino(slow, image, device.threads, "f32")
        ways["OpenVINO, bfloat16"] = lambda: openvino(slow, image, device.threads, "bf16")
    found, ready = {}, {}
    for name, prepare in ways.items():
        began = time.perf_counter()
        ready[name] = prepare()
        labels = ready[name]().argmax(1)
        found[name] = {
            "ready after, s": round(time.perf_counter() - began, 1),
            "same labels": round(float((labels == truth).float().mean()), 5),
        }
    for name, run in ready.items():
        median, best = timed(run, options.repeats)
        found[name] |= {"s": round(median, 3), "s, best": round(best, 3)}
    first = next(iter(found.values()))["s"]
    for name, line in found.items():
        line["times as fast"] = round(first / line["s"], 2)
        print(name, json.dumps(line), flush=True)
    return found


main()
