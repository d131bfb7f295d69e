from __future__ import annotations

import zipfile

import numpy as np
import pytest
import tifffile
import torch

from napari_unet.core.model import Model
from napari_unet.core.package import extra
from napari_unet.core.settings import Settings
from napari_unet.core.unet import UNet


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A small one: what export does takes long with large ones."""
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    net = UNet(1, 2, width=4, depth=2, norm=True)
    Model.of(net, ("background", "disk"), Settings()).save(path)
    return path


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    for name in ("bioimageio.spec", "onnx", "onnxruntime", "yaml"):
        pytest.importorskip(name, reason="needs the extra bioimageio")
    from napari_unet.cli import main

    path = tmp_path_factory.mktemp("export") / "disk.zip"
    words = ("export", model, "--out", path, "--author", "Ada L.",
             "--title", "Disks", "--no-mirrors")  # fmt: skip
    assert main([str(word) for word in words]) == 0
    return path


def test_a_package_segments_like_its_model(command, project, model, exported, tmp_path):
    images = project / "images" / "disk.tif"
    for name, path in (("ours", model), ("theirs", exported)):
        more = ("--no-mirrors", "--precision", "fp32", "--threads", "1")
        done = command("segment", images, "--model", path, "--out", tmp_path / name, *more)
        assert done.code == 0, done.err
    ours, theirs = (tifffile.imread(tmp_path / n / "disk.tif") for n in ("ours", "theirs"))
    assert 0.02 < np.mean(ours == 2) < 0.98
    assert np.mean(ours == theirs) > 0.999


def test_it_tells_its_title(exported):
    with zipfile.ZipFile(exported) as archive:
        assert "name: Disks" in archive.read("rdf.yaml").decode()


def test_without_the_extra_it_says_what_to_install(command, project, tmp_path, monkeypatch):
    monkeypatch.setattr(extra, "find_spec", lambda _: None)
    done = command("export", project / "model.safetensors", "--out", tmp_path / "a.zip",
                   "--author", "A")  # fmt: skip
    assert done.code == 1
    assert "pip install 'napari-unet-live[bioimageio]'" in done.err


def test_a_bad_package_is_told(command, project, tmp_path):
    pytest.importorskip("bioimageio.spec", reason="needs the extra bioimageio")
    bad = tmp_path / "bad.zip"
    bad.write_bytes(b"no")
    done = command("segment", project / "images", "--model", bad, "--out", tmp_path / "out")
    assert done.code == 1
    assert "not a package" in done.err
