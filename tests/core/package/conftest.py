"""A small model and its packages, written once: exporting takes seconds."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from napari_unet.core.model import Model
from napari_unet.core.package.labelling import Label
from napari_unet.core.settings import Compute, Settings
from napari_unet.core.unet import UNet

DATA = "https://doi.org/10.5281/zenodo.1"
EXACT = Compute(precision="fp32", threads=1)


@pytest.fixture(scope="session")
def small():
    """A grey-value model of two classes at half size, an image, and its labels."""
    torch.manual_seed(1)
    net = UNet(1, 2, width=4, depth=2, norm=True, side=2, shrink=2)
    model = Model.of(net, ("background", "cell"), Settings())
    y, x = np.mgrid[:109, :118]
    image = (90 + 60 * np.sin(y / 9) * np.cos(x / 13)).astype(np.uint8)
    image[5, 7] = 255  # a hot pixel
    labels = model.segment(image, compute=EXACT)
    assert 0.02 < (labels == 2).mean() < 0.98
    return SimpleNamespace(model=model, image=image, labels=labels)


@pytest.fixture(scope="session", params=["whole", "tiles"])
def package(request, small, tmp_path_factory):
    """A package of it."""
    for name in ("bioimageio.spec", "onnx", "onnxruntime", "yaml"):
        pytest.importorskip(name, reason="needs the extra bioimageio")
    from napari_unet.core.package.writing import write

    path = tmp_path_factory.mktemp("package") / f"{request.param}.zip"
    write(small.model, path, Label("A small model", ("Ada Lovelace",), data=DATA),
          tiled=request.param == "tiles", sample=small.image[:64, :72])  # fmt: skip
    return SimpleNamespace(path=path, tiled=request.param == "tiles")
