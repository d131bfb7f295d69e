"""Packages as others make them: older descriptions, other axes, other steps, other formats."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
import torch
from scipy.ndimage import uniform_filter
from torch import nn

from napari_unet.core.package.errors import PackageError
from napari_unet.core.package.running import PackageSegmenter

yaml = pytest.importorskip("yaml", reason="needs the extra bioimageio")
for module in ("bioimageio.spec", "onnx", "onnxruntime"):
    pytest.importorskip(module, reason="needs the extra bioimageio")

COMMON = {
    "type": "model", "name": "Model of a stranger", "description": "A test.",
    "authors": [{"name": "A. Stranger"}], "cite": [{"text": "None", "doi": "10.1234/none"}],
    "license": "MIT", "documentation": "README.md", "covers": ["cover.png"], "tags": ["test"],
    "timestamp": "2022-01-01T00:00:00",
}  # fmt: skip


class Blur(nn.Module):
    """The mean of 3×3 px as a logit, (N, 1, Y, X); wrong at its edges, which a halo crops."""

    def forward(self, images):
        return nn.functional.avg_pool2d(images, 3, stride=1, padding=1)


class Reddest(nn.Module):
    """Shares of two classes, channels last: (N, Y, X, 3) to (N, Y, X, 2)."""

    def forward(self, images):
        return images[..., ::2].mul(10).softmax(-1)


def onnx(net, example):
    file = io.BytesIO()
    torch.onnx.export(net, (example,), file, dynamo=False, input_names=["raw"],
                      dynamic_axes={"raw": {2: "y", 3: "x"}})  # fmt: skip
    return file.getvalue()


def script(net, example):
    file = io.BytesIO()
    torch.jit.save(torch.jit.trace(net, example), file)
    return file.getvalue()


def packed(path, described, **files):
    with zipfile.ZipFile(path, "w") as out:
        out.writestr("rdf.yaml", yaml.safe_dump({**COMMON, **described}))
        for name, data in files.items():
            out.writestr(name.replace("__", "."), data)
    return path


@pytest.fixture
def older(tmp_path):
    """Format 0.4: sizes in steps of 16, a halo, standardised, a sigmoid after it; ONNX."""
    standardise = {
        "name": "zero_mean_unit_variance",
        "kwargs": {"mode": "per_sample", "axes": "yx", "eps": 1e-6},
    }
    raw = {
        "name": "raw", "axes": "bcyx", "data_type": "float32", "preprocessing": [standardise],
        "shape": {"min": [1, 1, 48, 48], "step": [0, 0, 16, 16]},
    }  # fmt: skip
    found = {
        "name": "mask", "axes": "bcyx", "data_type": "float32", "halo": [0, 0, 8, 8],
        "shape": {"reference_tensor": "raw", "scale": [1, 1, 1, 1], "offset": [0, 0, 0, 0]},
        "postprocessing": [{"name": "sigmoid"}],
    }  # fmt: skip
    described = {
        "format_version": "0.4.10", "inputs": [raw], "outputs": [found],
        "test_inputs": ["in.npy"], "test_outputs": ["out.npy"],
        "weights": {"onnx": {"source": "w.onnx", "opset_version": 17}},
    }  # fmt: skip
    return packed(
        tmp_path / "older.zip", described, w__onnx=onnx(Blur(), torch.zeros(1, 1, 48, 48))
    )


@pytest.fixture
def channels_last(tmp_path):
    """Format 0.5: one size only, channels last, scaled to a range; TorchScript alone."""
    scale = {
        "id": "scale_range",
        "kwargs": {"axes": ["y", "x"], "min_percentile": 1, "max_percentile": 99},
    }

    def tensor(name, channels):
        space = [{"type": "space", "id": axis, "size": 64} for axis in "yx"]
        named = {"type": "channel", "channel_names": channels}
        return {
            "id": name, "axes": [{"type": "batch"}, *space, named],
            "data": {"type": "float32"}, "test_tensor": {"source": f"{name}.npy"},
        }  # fmt: skip

    described = {
        "format_version": "0.5.3",
        "inputs": [{**tensor("raw", ["red", "green", "blue"]), "preprocessing": [scale]}],
        "outputs": [tensor("shares", ["reddish", "bluish"])],
        "weights": {"torchscript": {"source": "w.pt", "pytorch_version": "2.4.0"}},
    }
    return packed(
        tmp_path / "last.zip", described, w__pt=script(Reddest(), torch.zeros(1, 64, 64, 3))
    )


def segmented(path, plane, **how):
    segmenter = PackageSegmenter(str(path), **how)
    labels = np.zeros(plane.shape[1:], np.uint8)
    for window, part, _ in segmenter.pieces(plane, probabilities=False):
        labels[window] = part
    return segmenter.classes, labels


@pytest.fixture
def pixels():
    return np.random.default_rng(0).random((3, 100, 131)).astype(np.float32)


def test_an_older_description_with_a_halo(older, pixels):
    plane = pixels[:1] * 1000
    classes, labels = segmented(older, plane)
    standard = (plane[0] - plane[0].mean()) / plane[0].std()
    wanted = uniform_filter(standard, 3, mode="mirror")
    clear = np.abs(wanted) > 1e-4
    assert len(classes) == 2
    assert classes[0] == "background"
    assert (labels == np.where(wanted > 0, 2, 1))[clear].all()


def test_channels_last_and_one_size(channels_last, pixels):
    classes, labels = segmented(channels_last, pixels, trusted=True)
    low, high = (np.percentile(pixels, p, axis=(1, 2), keepdims=True) for p in (1, 99))
    red, _, blue = (pixels - low) / (high - low)
    clear = np.abs(red - blue) > 1e-4
    assert classes == ("reddish", "bluish")
    assert (labels == np.where(red >= blue, 1, 2))[clear].all()


def test_a_strangers_program_needs_trust(channels_last, pixels):
    with pytest.raises(PackageError, match="TorchScript program"):
        segmented(channels_last, pixels)
