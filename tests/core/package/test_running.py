from __future__ import annotations

import zipfile

import numpy as np
import pytest

from napari_unet.core.image import ImageError
from napari_unet.core.package.errors import PackageError
from napari_unet.core.package.running import PackageSegmenter


def without(path, target, *drop):
    """A copy of a package without some lines of its description."""
    import yaml

    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as out:
        for name in source.namelist():
            data = source.read(name)
            if name == "rdf.yaml":
                told = yaml.safe_load(data)
                for key in drop:
                    del told["weights"][key]
                told["weights"]["torchscript"].pop("parent", None)
                data = yaml.safe_dump(told).encode()
            out.writestr(name, data)
    return target


def test_classes_and_probabilities(package, small):
    segmenter = PackageSegmenter(str(package.path))
    assert segmenter.classes == ("background", "cell")
    for window, labels, shares in segmenter.pieces(small.image[None], probabilities=True):
        assert shares.shape == (2, *labels.shape)
        assert labels.shape == tuple(w.stop - w.start for w in window)
        np.testing.assert_allclose(shares.sum(0), 1, atol=1e-4)


def test_other_channels_are_refused(package):
    with pytest.raises(ImageError, match="wants images of 1 channel"):
        list(PackageSegmenter(str(package.path)).pieces(np.zeros((3, 90, 90)), probabilities=False))


def test_programs_run_only_if_trusted(package, small, tmp_path):
    path = without(package.path, tmp_path / "script.zip", "onnx")
    with pytest.raises(PackageError, match="trust"):
        _ = PackageSegmenter(str(path)).classes
    agree = 0
    for window, part, _ in PackageSegmenter(str(path), trusted=True).pieces(
        small.image[None], probabilities=False
    ):
        agree += (part == small.labels[window]).sum()
    assert agree / small.labels.size > 0.98


def test_a_broken_network_is_told(package, tmp_path):
    path = tmp_path / "broken.zip"
    with zipfile.ZipFile(package.path) as source, zipfile.ZipFile(path, "w") as out:
        out.writestr("rdf.yaml", source.read("rdf.yaml"))
        out.writestr("weights.onnx", b"nonsense")
    with pytest.raises(PackageError, match="cannot be run"):
        _ = PackageSegmenter(str(path)).classes
