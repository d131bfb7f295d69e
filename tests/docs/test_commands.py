"""The commands of the documentation run, on tiny images and with two steps of training."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
import tifffile
import torch

from napari_unet.cli import main
from napari_unet.core import device
from napari_unet.core.annotations import Annotations
from napari_unet.core.model import Model
from napari_unet.core.project.changes import LabelClass
from napari_unet.core.project.folder import ProjectFolder
from napari_unet.core.project.manifest import ImageEntry, Manifest, Source
from napari_unet.core.project.record import Record
from napari_unet.core.project.sources import fingerprint
from napari_unet.core.settings import Settings
from napari_unet.core.unet import UNet
from pages import PAGES, ROOT, blocks, commands

GUIDES = (
    "start.md",
    *(
        f"how-to/{n}.md"
        for n in ("batch", "cluster", "command-line", "gpu", "objects", "share", "stacks")
    ),
)
# Dask's sockets close when they like
QUIET = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


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
    for name in ("cells.safetensors", "model.safetensors"):
        save_model(name, 1)
    paint_project(Path("cells-project"), Path("images", "a1.tif"), strokes)
    return tmp_path


def save_model(name, channels):
    torch.manual_seed(1)
    net = UNet(channels, 2, width=4, depth=2, norm=True)
    Model.of(net, ("background", "cell"), Settings()).save(Path(name))


def paint_project(path, file, strokes):
    """A project with one painted image, as the panel leaves it."""
    folder, record = ProjectFolder.create(path), Record()
    classes = (LabelClass("background", "#56b4e9"), LabelClass("cell", "#e69f00"))
    image = Source("a1", strokes.shape, "uint8", file=fingerprint(file))
    folder.save(Manifest(classes=classes, images=(ImageEntry(1, (image,)),)))
    changes = (*record.reclassed(classes), *record.painted((1, ()), Annotations.of(strokes)))
    folder.append([record.taken(changes, 1.0)])
    folder.close()


def stack_folders():
    """What the page on stacks begins with: of three channels, of which a model knows two."""
    save_model("cells.safetensors", 2)
    plane, strokes = (tifffile.imread(Path(name, "a1.tif")) for name in ("images", "strokes"))
    paint = np.zeros((4, *plane.shape), np.uint8)
    paint[1] = strokes
    shutil.rmtree("strokes")
    for name, array, axes in (
        ("stacks", np.stack([[plane, plane // 2, plane]] * 4), "ZCYX"),
        ("strokes", paint, "ZYX"),
    ):
        Path(name).mkdir()
        tifffile.imwrite(Path(name, "s1.tif"), array, imagej=True, metadata={"axes": axes})


@pytest.fixture
def scheduler():
    """The address of a small Dask cluster."""
    distributed = pytest.importorskip("distributed", reason="needs the extra cluster")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0"
    ) as cluster:
        yield cluster.scheduler_address


def shortened(words):
    """The same without a window or a GPU, and with two steps instead of what a user would give."""
    match words[0]:
        case "demo":
            return [*words, "--headless", "--seconds", "0.1"]
        case "train":
            at = words.index("--seconds") if "--seconds" in words else len(words)
            steps = "0" if "paper" in words else "2"  # of that network, a step takes seconds
            words = [*words[:at], *words[at + 2 :], "--steps", steps]
            return [*words, "--device", "cpu", "--threads", "1", "--patch", "20", "--batch", "1"]
        case _:
            return words


def run(page, capsys, places=MappingProxyType({})):
    """All commands of a page, each of which goes on from those before; gives what they printed.

    `places`: what stands in the place of what a page calls by another name.
    """
    said = []
    for block in blocks(page, "bash"):
        for words in commands(block.code):
            if {"export", "package.zip"} & set(words):
                pytest.importorskip("onnxruntime", reason="needs the extra bioimageio")
            there = [places.get(word, word) for word in shortened(words)]
            code, told = main(there), capsys.readouterr()
            assert code == 0, (words, told.err)
            said.append(told.out)
    return said


def test_all_pages_with_commands_are_run():
    said = {page for page in PAGES for block in blocks(page, "bash") if list(commands(block.code))}
    assert said == {ROOT / "README.md", *(ROOT / "docs" / name for name in GUIDES)}


@pytest.mark.parametrize("name", [n for n in GUIDES if "cluster" not in n])
def test_commands_of_a_guide_run(name, folder, capsys):
    if "stacks" in name:
        stack_folders()
    # somebody else's package is the one that was exported before; whole masks are of classes
    places = {"package.zip": "cells.zip", "masks/": "truth/" if "line" in name else "masks/"}
    assert run(ROOT / "docs" / name, capsys, places)


@pytest.mark.parametrize("name", [pytest.param("how-to/cluster.md", marks=QUIET)])
def test_commands_of_a_guide_run_on_a_cluster(name, folder, scheduler, capsys):
    places = {"/shared/images": "images", "/shared/results": "shared-results"}
    places |= dict.fromkeys(("tcp://host:8786", "tcp://127.0.0.1:8786"), scheduler)
    assert run(ROOT / "docs" / name, capsys, places)
    here, there = (tifffile.imread(Path(n, "a1.tif")) for n in ("results", "shared-results"))
    np.testing.assert_array_equal(here, there)


def test_the_readme_goes_from_training_to_a_package(folder, capsys):
    Path("cells.safetensors").unlink()
    trained, _, scores, told, exported, _ = run(ROOT / "README.md", capsys)
    assert "cells.safetensors" in trained
    assert set(np.unique(tifffile.imread("labels/a1.tif"))) <= {1, 2}
    assert "IoU" in scores
    assert "1 background, 2 cell" in told
    assert "cells.zip" in exported
    assert Path("cells.zip").stat().st_size > 1e6  # the bundled network, twice
