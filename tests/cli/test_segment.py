from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from napari_unet.core.files import read_labels


@pytest.fixture
def segment(command, project, tmp_path):
    def run(*inputs, model=project / "model.safetensors", more=()):
        return command(
            *("segment", *inputs, "--model", model, "--out", tmp_path / "out"),
            *("--threads", "1", *more),
        )

    return run


def test_a_label_file_for_each_image(segment, project, tmp_path):
    done = segment(project / "images")
    assert done.code == 0
    assert "[1/2]" in done.out
    assert "[2/2]" in done.out
    for name, side in (("disk", 72), ("more", 60)):
        labels = read_labels(tmp_path / "out" / f"{name}.tif")
        assert labels.dtype == np.uint8
        assert labels.shape == (side, side)
        assert set(np.unique(labels)) <= {1, 2}


def test_what_was_not_painted_is_right_too(segment, project, tmp_path):
    segment(project / "images" / "disk.tif")
    labels = read_labels(tmp_path / "out" / "disk.tif")
    y, x = np.mgrid[:72, :72]
    truth = np.where(np.hypot(y - 36, x - 36) < 18, 2, 1)
    assert (labels == truth).mean() > 0.9


def test_json_tells_of_each_file_and_done_files_are_skipped(segment, project, tmp_path):
    first = segment(project / "images", more=["--json"]).json
    assert [Path(line["output"]).name for line in first] == ["disk.tif", "more.tif"]
    assert [line["skipped"] for line in first] == [False, False]
    again = segment(project / "images", more=["--json"]).json
    assert [line["skipped"] for line in again] == [True, True]
    anew = segment(project / "images", more=["--json", "--overwrite"]).json
    assert [line["skipped"] for line in anew] == [False, False]


def test_one_broken_file_fails_and_the_rest_is_done(segment, project, tmp_path):
    broken = tmp_path / "broken.tif"
    broken.write_bytes((project / "images" / "disk.tif").read_bytes()[:3000])
    done = segment(broken, project / "images", more=["--json"])
    assert done.code == 1
    assert "broken.tif cannot be read" in done.err
    assert [bool(line["error"]) for line in done.json] == [True, False, False]
    assert done.json[0]["output"] is None


def test_what_to_write_is_chosen(segment, project, tmp_path):
    (project / "images" / "deep").mkdir(exist_ok=True)
    try:
        image = (project / "images" / "disk.tif").read_bytes()
        (project / "images" / "deep" / "disk.tif").write_bytes(image)
        outputs = ["--outputs", "objects, measurements", "--smallest", "4", "--objects-of", "2"]
        done = segment(project / "images", more=["--json", "--recursive", *outputs])
    finally:
        (project / "images" / "deep" / "disk.tif").unlink()
        (project / "images" / "deep").rmdir()
    assert done.code == 0
    assert [Path(line["output"]).name for line in done.json] == [
        "disk_objects.tif", "disk_objects.tif", "more_objects.tif",
    ]  # fmt: skip
    assert "3 segmented" in done.err
    rows = (tmp_path / "out" / "measurements.csv").read_text(encoding="utf-8").splitlines()
    assert rows[0].startswith("file,object,class,area (px²)")
    assert {row.split(",")[0] for row in rows[1:]} >= {"disk.tif", "deep/disk.tif"}
    counts = [line["objects"] for line in done.json]
    assert sum(counts) == len(rows) - 1
    assert counts[0] >= 1


def test_words_that_are_no_outputs_channels_or_cluster(segment, project, capsys):
    for more in (["--outputs", "nuclei"], ["--channels", "0"], ["--format", "bmp"]):
        with pytest.raises(SystemExit) as left:
            segment(project / "images", more=more)
        assert left.value.code == 2
    assert "'nuclei' is none of classes, objects, " in capsys.readouterr().err
    done = segment(project / "images" / "disk.tif", more=["--channels", "3"])
    assert done.code == 1
    assert "there is no channel 3" in done.err


@pytest.mark.parametrize(
    ("image", "sentence"),
    [
        (np.full((9, 9), np.nan, np.float32), "not numbers"),
        (np.full((9, 9), 5, np.uint8), "All pixels of this image have the same value"),
        (np.ones((1, 1), np.uint8), "All pixels of this image have the same value"),
        (np.random.default_rng(0).random((9, 9, 3)), "trained on images of 1 channel"),
        (np.zeros((0, 9), np.uint8), "no pixels"),
    ],
)
def test_images_that_cannot_be_segmented(segment, tmp_path, image, sentence):
    np.save(tmp_path / "a.npy", image)
    done = segment(tmp_path / "a.npy")
    assert done.code == 1
    assert "a.npy: " in done.err
    assert sentence in done.err


def test_places_that_are_not_there(segment, project, tmp_path):
    done = segment(tmp_path / "none")
    assert done.code == 1
    assert "There is no file or folder" in done.err
    (tmp_path / "empty").mkdir()
    assert "holds no image" in segment(tmp_path / "empty").err
    done = segment(project / "images", model=tmp_path / "none.safetensors")
    assert done.code == 1
    assert "none.safetensors cannot be read" in done.err
    done = segment(project / "images", more=["--out", str(project / "images")])
    assert done.code == 1
    assert "choose another folder" in done.err


def newer_version(data):
    """The same model file, saying that it has a format of the future."""
    (length,) = struct.unpack_from("<Q", data)
    head = json.loads(data[8 : 8 + length])
    own = json.loads(head["__metadata__"]["napari-unet"])
    own["format"] = 99
    head["__metadata__"]["napari-unet"] = json.dumps(own)
    text = json.dumps(head).encode()
    return struct.pack("<Q", len(text)) + text + data[8 + length :]


@pytest.mark.parametrize("command_name", ["segment", "info", "train"])
@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda data: b"", "is not a napari-unet model"),
        (lambda data: b"hello" * 100, "is not a napari-unet model"),
        (lambda data: data[:3000], "is not a napari-unet model"),
        (lambda data: data[:-1000], "damaged"),
        (newer_version, "newer than this program knows"),
    ],
    ids=["empty", "foreign", "cut in its header", "cut", "newer"],
)
def test_model_files_that_are_none(command, project, tmp_path, command_name, spoil, sentence):
    model = tmp_path / "m.safetensors"
    model.write_bytes(spoil((project / "model.safetensors").read_bytes()))
    images = project / "images"
    done = {
        "segment": lambda: command("segment", images, "--model", model, "--out", tmp_path / "o"),
        "info": lambda: command("info", model),
        "train": lambda: command(
            *("train", "--images", images, "--annotations", project / "strokes"),
            *("--init", model, "--out", tmp_path / "new"),
        ),
    }[command_name]()
    assert done.code == 1
    assert str(model) in done.err
    assert sentence in done.err
