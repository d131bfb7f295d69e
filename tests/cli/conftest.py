from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_unet.cli import main

QUICK = ("--threads", "1", "--patch", "20", "--batch", "1", "--steps", "2")


def bright_disk(size=72, value=180):
    y, x = np.mgrid[:size, :size]
    disk = np.hypot(y - size / 2, x - size / 2) < size / 4
    noise = np.random.default_rng(0).normal(0, 6, (size, size))
    return np.clip(np.where(disk, value, 40) + noise, 0, 255).astype(np.uint8)


def strokes(size=72):
    paint = np.zeros((size, size), np.uint8)
    paint[4:7, 6:-6] = paint[-7:-4, 6:-6] = 1
    paint[size // 2 - 1 : size // 2 + 2, size // 2 - 12 : size // 2 + 12] = 2
    return paint


@pytest.fixture
def command(capsys):
    """Runs a command; gives its exit code, what it printed, and its lines of JSON."""

    def run(*arguments):
        code = main([str(a) for a in arguments])
        said = capsys.readouterr()
        lines = [json.loads(line) for line in said.out.splitlines() if line.startswith("{")]
        assert "Traceback" not in said.err
        return SimpleNamespace(code=code, out=said.out, err=said.err, json=lines)

    return run


@pytest.fixture
def evaluate(tmp_path, capsys):
    """Compares what lies in the folder `found` with what lies in `truth`."""
    truth, found = tmp_path / "truth", tmp_path / "found"
    truth.mkdir()
    found.mkdir()

    def run(*more):
        places = ["--prediction", str(found), "--truth", str(truth)]
        code = main(["evaluate", *places, *map(str, more)])
        said = capsys.readouterr()
        return code, said.out, said.err

    run.truth, run.found = truth, found
    return run


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    """A folder with images, strokes and a model that was trained on them."""
    root = tmp_path_factory.mktemp("project")
    for name in ("images", "strokes"):
        (root / name).mkdir()
    tifffile.imwrite(root / "images" / "disk.tif", bright_disk())
    tifffile.imwrite(root / "images" / "more.tif", bright_disk(60, 150).astype(np.uint16) * 100)
    Image.fromarray(strokes()).save(root / "strokes" / "disk.png")
    model = root / "model.safetensors"
    arguments = [
        *("train", "--images", root / "images", "--annotations", root / "strokes"),
        *("--out", model, "--classes", "background,disk", *QUICK),
    ]
    assert main([str(a) for a in arguments]) == 0
    return root
