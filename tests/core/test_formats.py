"""Files of every released format version open. Never change what lies in `formats/`: add to it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from napari_unet.core import header
from napari_unet.core.header import ModelError
from napari_unet.core.model import Model, load
from napari_unet.core.project import manifest
from napari_unet.core.project.changes import LabelClass
from napari_unet.core.project.folder import LAST
from napari_unet.core.project.recovery import open_project
from napari_unet.core.project.sources import copied
from napari_unet.core.settings import Compute

FORMATS = Path(__file__).with_name("formats")
VERSIONS = sorted(path.name for path in FORMATS.iterdir())
CLASSES = ("background", "cell")


def test_there_is_a_sample_of_the_newest_format():
    assert str(header.FORMAT) in VERSIONS
    assert str(manifest.FORMAT) in VERSIONS


@pytest.mark.parametrize("version", VERSIONS)
def test_a_model_opens_and_segments_as_it_did(version):
    model = load(FORMATS / version / "model.safetensors")
    assert model.header.classes == CLASSES
    assert model.header.settings.training.seed == 7
    assert model.header.made["steps"] == 40
    image = np.load(FORMATS / version / "image.npy")
    found = model.segment(image, compute=Compute(threads=1, mirrors=False, precision="fp32"))
    expected = np.load(FORMATS / version / "labels.npy")
    assert (found == expected).mean() > 0.99


@pytest.mark.parametrize("version", VERSIONS)
def test_a_project_opens_as_it_was(version, tmp_path):
    path = tmp_path / "project"
    shutil.copytree(FORMATS / version / "project", path)
    opened = open_project(path)
    opened.folder.close()
    assert opened.told == ()
    work, content = opened.record.work, opened.manifest
    counts = {index: paint.counts[1:3].tolist() for (_, index), paint in work.planes.items()}
    assert counts == {(0,): [51, 40], (1,): [0, 190]}
    assert work.classes == (LabelClass(CLASSES[0], "#56b4e9"), LabelClass(CLASSES[1], "#e69f00"))
    assert len(opened.record.history.done) == 3
    assert len(opened.record.history.undone) == 1
    assert content.settings.training.seed == 7
    assert content.progress.scores == ((20, 0.8), (40, 0.9))
    source = content.images[0].layers[0]
    assert copied(path, source).shape == (2, 30, 40)
    assert source.place.scale == (2.0, 0.5, 0.5)
    assert load(path / LAST).header.classes == CLASSES


def test_a_model_of_a_newer_format_says_what_it_needs():
    data = (FORMATS / "1" / "model.safetensors").read_bytes()
    newer = data.replace(b'{\\"format\\":1,', b'{\\"format\\":9,')
    assert newer != data
    with pytest.raises(ModelError, match="format 9, newer than this program knows"):
        Model.from_bytes(newer)
