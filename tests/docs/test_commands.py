"""The commands of the documentation run, on tiny images and with two steps of training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch

from napari_unet.cli import main
from napari_unet.core import device
from napari_unet.core.model import Model
from napari_unet.core.settings import Settings
from napari_unet.core.unet import UNet
from pages import ROOT, blocks, commands

# not here: windows, schedulers, projects, the large network, volumes, packages of others
ELSEWHERE = {"demo", "--cluster", "--project", "--preset", "--volume", "package.zip"}
GUIDES = (
    "start.md",
    *(f"how-to/{n}.md" for n in ("batch", "command-line", "gpu", "objects", "share")),
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where the pages begin: images, strokes, masks, results, and a model of somebody."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(device, "cores", lambda: 1)  # other tests may run beside
    y, x = np.mgrid[:72, :80]
    disk = np.hypot(y - 36, x - 40) < 18
    noise = np.random.default_rng(0).integers(0, 30, disk.shape)
    image = np.where(disk, 180, 40).astype(np.uint8) + noise.astype(np.uint8)
    strokes = np.zeros_like(image)
    strokes[4:7, 6:-6], strokes[35:38, 30:50] = 1, 2
    for array, names in (
        (image, ("images", "more-images", "other-images")),
        (strokes, ("strokes", "more-strokes")),
        (disk.astype(np.uint8), ("masks", "objects")),
        (disk.astype(np.uint8) + 1, ("truth",)),
    ):
        for name in names:
            Path(name).mkdir()
            tifffile.imwrite(Path(name, "a1.tif"), array)
            tifffile.imwrite(Path(name, "a2_dapi.tif"), array[::-1])
    for name in ("a1.tif", "a2.tif", "example.tif"):
        tifffile.imwrite(name, image)
    torch.manual_seed(1)
    net = UNet(1, 2, width=4, depth=2, norm=True)
    for name in ("cells.safetensors", "model.safetensors"):
        Model.of(net, ("background", "cell"), Settings()).save(Path(name))
    return tmp_path


def shortened(words):
    """The same with two steps instead of the time that a user would give it."""
    if words[0] != "train":
        return words
    at = words.index("--seconds") if "--seconds" in words else len(words)
    return [*words[:at], *words[at + 2 :], "--steps", "2"]


def run(page, capsys):
    """All commands of a page, each of which goes on from those before; gives what they printed."""
    said = []
    for block in blocks(page, "bash"):
        for words in commands(block.code):
            if not ELSEWHERE & set(words):
                if words[0] == "export":
                    pytest.importorskip("onnxruntime", reason="needs the extra bioimageio")
                code, told = main(shortened(words)), capsys.readouterr()
                assert code == 0, (words, told.err)
                said.append(told.out)
    return said


@pytest.mark.parametrize("name", GUIDES)
def test_commands_of_a_guide_run(name, folder, capsys):
    assert run(ROOT / "docs" / name, capsys)


def test_the_readme_goes_from_training_to_a_package(folder, capsys):
    Path("cells.safetensors").unlink()
    trained, _, scores, told, exported = run(ROOT / "README.md", capsys)
    assert "cells.safetensors" in trained
    assert set(np.unique(tifffile.imread("labels/a1.tif"))) <= {1, 2}
    assert "IoU" in scores
    assert "1 background, 2 cell" in told
    assert "cells.zip" in exported
    assert Path("cells.zip").stat().st_size > 1e6  # the bundled network, twice
