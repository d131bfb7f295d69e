"""Files of every released format version open. Never change what lies in `formats/`: add to it."""

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest

from napari_unet.core import front
from napari_unet.core.header import FORMAT, ModelError
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


def test_there_is_a_sample_of_each_format():
    newest = max(FORMAT, manifest.FORMAT)
    assert {str(number) for number in range(1, newest + 1)} == set(VERSIONS)


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


def newer(**values):
    """A model file of format 9, with other values in its header."""
    data = (FORMATS / "1" / "model.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    outer = json.loads(data[8 : 8 + length])
    inner = {**json.loads(outer["__metadata__"][front.KEY]), "format": 9, **values}
    outer["__metadata__"][front.KEY] = json.dumps(inner)
    text = json.dumps(outer).encode()
    return struct.pack("<Q", len(text)) + text + data[8 + length :]


def test_a_model_of_a_newer_format_says_what_it_needs():
    said = "napari-unet-live 7.1, in format 9, newer than this program knows .1.: update"
    with pytest.raises(ModelError, match=said):
        Model.from_bytes(newer(program="napari-unet-live 7.1"))


@pytest.mark.parametrize(
    "program", [None, 7, "", "x" * 100_000, "<a href='http://a.b'>here</a>", "a\nb", ["a"]]
)
def test_a_stranger_cannot_say_anything_in_that_place(program):
    with pytest.raises(ModelError) as refused:
        Model.from_bytes(newer(program=program, format=10**30))
    said = str(refused.value)
    assert "saved by a newer napari-unet-live, in format" in said
    assert len(said) < 250
