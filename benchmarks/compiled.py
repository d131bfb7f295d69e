"""Would another engine predict a tile faster? torch.compile, ONNX Runtime, OpenVINO against ours.

    python benchmarks/compiled.py [--threads 2] [--repeats 9] [--json FILE]

One tile of 700 px (516 px out) of the bundled `compact` network with a last layer for two classes,
in turn, one run. The first line is what the program does: PyTorch as it is, in the precision that
is fastest here. Engines that are not installed are left out; torch.compile needs a C++ compiler.
Says seconds to get ready, seconds a tile (median, best), how many times as fast as ours, and the
share of pixels that get the same label as in float32.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
from skimage import data

from napari_unet.core.device import choose
from napari_unet.core.image import Picture
from napari_unet.core.prediction import OUTPUT, Predictor, logits
from napari_unet.core.presets import start
from napari_unet.core.settings import Compute


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
    import openvino as ov

    hints = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": precision}
    network = ov.Core().compile_model(exported(predictor, image), "CPU", hints)
    return lambda: torch.from_numpy(network(image.numpy())[0])


def timed(run, repeats):
    """Median and best seconds of some runs."""
    spent = []
    for _ in range(repeats):
        began = time.perf_counter()
        run()
        spent.append(time.perf_counter() - began)
    return float(np.median(spent)), min(spent)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    device = choose(Compute(device="cpu", threads=options.threads), spare=0)
    exact = choose(Compute(device="cpu", threads=options.threads, precision="fp32"), spare=0)
    torch.manual_seed(0)
    net = start("compact", 1, 2, "bundled").eval()
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
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


main()
