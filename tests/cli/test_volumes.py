"""Stacks from the command line: trained on as volumes, and segmented as volumes."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
import torch

from napari_unet.cli.volumes import _anisotropy
from napari_unet.core.model import Model, load
from napari_unet.core.settings import Settings
from napari_unet.core.unet import UNet

SHAPE = (6, 40, 44)


@pytest.fixture
def small(tmp_path):
    """A model of volumes, small enough to train in a test."""
    torch.manual_seed(0)
    net = UNet(1, 2, width=4, depth=2, axes=3, norm=False, dropout=0, across=1)
    path = tmp_path / "small.safetensors"
    Model.of(net, ("ground", "ball"), Settings()).save(path)
    return path


@pytest.fixture
def stacks(tmp_path):
    """A stack with a bright ball, 3 px between slices, and strokes on one slice of it."""
    z, y, x = np.mgrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    ball = np.sqrt(9 * (z - 3) ** 2 + (y - 20) ** 2 + (x - 20) ** 2) < 10
    image = np.where(ball, 180, 40) + np.random.default_rng(0).normal(0, 6, SHAPE)
    paint = np.zeros(SHAPE, np.uint8)
    paint[3, 4:6, 4:-4] = paint[3, -6:-4, 4:-4] = 1
    paint[3, 18:22, 14:26] = 2
    for name, array in (("images", image.clip(0, 255).astype(np.uint8)), ("strokes", paint)):
        (tmp_path / name).mkdir()
        tifffile.imwrite(
            tmp_path / name / "ball.tif", array, ome=True,
            metadata={"axes": "ZYX", "PhysicalSizeX": 0.2, "PhysicalSizeY": 0.2,
                      "PhysicalSizeZ": 0.6},
        )  # fmt: skip
    return tmp_path


def arguments(stacks, small, *more):
    return (
        "train", "--volume", "--images", stacks / "images", "--annotations", stacks / "strokes",
        "--out", stacks / "model.safetensors", "--init", small, "--threads", "1", "--patch", "20",
        "--batch", "1", "--steps", "2", "--json", *more,
    )  # fmt: skip


def test_strokes_on_one_slice_train_a_model_that_segments_stacks(command, stacks, small):
    ran = command(*arguments(stacks, small))
    assert ran.code == 0
    assert ran.json[-1]["steps"] == 2
    header = load(stacks / "model.safetensors").header
    assert (header.shape.axes, header.shape.across) == (3, 1)
    assert header.anisotropy == pytest.approx(3)
    assert header.material.images[0].shape == (1, *SHAPE)
    ran = command(
        "segment", stacks / "images", "--model", stacks / "model.safetensors",
        "--out", stacks / "out", "--outputs", "classes,probabilities,objects,measurements",
        "--threads", "1", "--precision", "fp32", "--json",
    )  # fmt: skip
    assert ran.code == 0
    with tifffile.TiffFile(stacks / "out" / "ball.tif") as file:
        assert file.series[0].axes == "ZYX"
        classes = file.asarray()
    shares = tifffile.imread(stacks / "out" / "ball_probabilities.tif")
    assert shares.shape == (SHAPE[0], 2, *SHAPE[1:])
    assert (shares.argmax(1) + 1 == classes).mean() > 0.999
    image = tifffile.imread(stacks / "images" / "ball.tif")
    model = load(stacks / "model.safetensors")
    assert (model.segment(image) == classes).mean() > 0.99
    assert tifffile.imread(stacks / "out" / "ball_objects.tif").shape == SHAPE
    assert list((stacks / "out").glob("*.csv"))
    ran = command("info", stacks / "model.safetensors")
    assert "slices 3 px apart, 2 seen each side" in ran.out


def test_a_plane_for_a_model_of_volumes_fails_in_a_sentence(command, stacks, small):
    tifffile.imwrite(stacks / "plane.tif", np.eye(30, dtype=np.uint8))
    ran = command("segment", stacks / "plane.tif", "--model", small, "--out", stacks / "out")
    assert ran.code == 1
    assert "no Z axis" in ran.err


def test_a_model_of_volumes_cannot_begin_one_of_planes(command, stacks, small):
    tifffile.imwrite(stacks / "plane.tif", np.eye(30, dtype=np.uint8))
    (stacks / "paint").mkdir()
    tifffile.imwrite(stacks / "paint" / "plane.tif", np.eye(30, dtype=np.uint8) + 1)
    ran = command(
        "train", "--images", stacks / "plane.tif", "--annotations", stacks / "paint",
        "--out", stacks / "other.safetensors", "--init", small, "--steps", "1",
    )  # fmt: skip
    assert ran.code == 1
    assert "single plane" in ran.err


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--volume", "--project", "p"], "--volume goes with --images"),
        (["--volume", "--anisotropy", "-1"], "not a number over 0"),
        (["--images", "a", "--annotations", "b", "--anisotropy", "2"], "goes with --volume"),
    ],
)
def test_flags_that_do_not_fit_are_refused(command, capsys, flags, sentence):
    with pytest.raises(SystemExit) as ended:
        command("train", "--out", "x.safetensors", *flags)
    assert ended.value.code == 2
    assert sentence in capsys.readouterr().err


def test_paint_of_another_size_is_refused_with_its_name(command, stacks, small):
    tifffile.imwrite(stacks / "strokes" / "ball.tif", np.ones((5, 40, 44), np.uint8))
    ran = command(*arguments(stacks, small))
    assert ran.code == 1
    assert "5 × 40 × 44 px but the image is 6 × 40 × 44" in ran.err


def test_the_distance_of_slices_needs_one_unit():
    assert _anisotropy({"Z": (2.0, "µm"), "X": (0.5, "µm")}) == 4
    assert _anisotropy({"Z": (2.0, "nm"), "X": (0.5, "µm")}) is None
    assert _anisotropy({"X": (0.5, "µm")}) is None
