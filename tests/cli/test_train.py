from __future__ import annotations

import os

import numpy as np
import pytest
import tifffile

import napari_unet
from napari_unet.cli import train as module
from napari_unet.core.files import read_labels
from napari_unet.engine.messages import Judged

QUICK = ("--threads", "1", "--patch", "20", "--batch", "1")


@pytest.fixture
def train(command, project, tmp_path):
    """Trains on one image and its paint; either may be changed."""
    image = tifffile.imread(project / "images" / "disk.tif")
    paint = read_labels(project / "strokes" / "disk.png")

    def run(*more, image=image, paint=paint, length=("--steps", "1")):
        for name, array in (("images", image), ("paint", paint)):
            (tmp_path / name).mkdir(exist_ok=True)
            if isinstance(array, np.ndarray):
                np.save(tmp_path / name / "a.npy", array)
        return command(
            *("train", "--images", tmp_path / "images", "--annotations", tmp_path / "paint"),
            *("--out", tmp_path / "out" / "model.safetensors", *QUICK, *length, *more),
        )

    run.image, run.paint = image, paint
    return run


def test_a_model_is_trained_and_told_of(train, tmp_path):
    done = train("--json", "--classes", "background,disk", "--border-weight", "2")
    assert done.code == 0, done.err
    (line,) = done.json
    path = tmp_path / "out" / "model.safetensors"
    assert line["model"] == str(path)
    assert line["classes"] == ["background", "disk"]
    assert line["steps"] == 1
    assert line["images"] == 1
    assert "held-out score" in done.err
    model = napari_unet.load(path)
    assert model.header.classes == ("background", "disk")
    assert model.header.settings.training.border_weight == 2


def test_training_goes_on_from_a_model(train, project):
    done = train("--json", "--init", project / "model.safetensors")
    assert done.code == 0, done.err
    assert done.json[0]["classes"] == ["background", "disk"]


def test_seconds_bound_the_training_and_the_first_answer(train):
    done = train("--json", length=("--seconds", "4"))
    assert done.code == 0, done.err
    (line,) = done.json
    assert line["first_answer_seconds"] < line["seconds"]
    assert 1 < line["seconds"] < 6  # what a step and a check take may change


def test_a_pinned_precision_is_used_and_recorded(train, tmp_path, command):
    done = train("--json", "--precision", "bf16")
    assert done.code == 0, done.err
    (line,) = command("info", tmp_path / "out" / "model.safetensors", "--json").json
    assert line["made"]["precision"] == "bfloat16"
    assert line["settings"]["compute"]["precision"] == "bf16"


def test_the_score_that_is_told_is_that_of_the_model_written(train, monkeypatch):
    """Steps end between two checks; what the last judgement says must reach the user."""
    heard = []
    monkeypatch.setattr(module.Watch, "hear", listen(module.Watch.hear, heard))
    done = train("--json", "--check-every", "100", length=("--steps", "3"))
    assert done.code == 0, done.err
    last = [event for event in heard if isinstance(event, Judged)][-1]
    assert last.step == 3
    assert done.json[0]["held_out"] == last.held_out


def listen(hear, heard):
    return lambda self, event: heard.append(event) or hear(self, event)


def test_random_weights_are_told_of(train, tmp_path, command):
    assert train("--init", "random").code == 0
    done = command("info", tmp_path / "out" / "model.safetensors")
    assert "begun with      random weights" in done.out


def with_nan(image):
    image = image.astype(np.float32)
    image[3, 4] = np.nan
    return image


BAD = {
    "no strokes": (lambda i, p: (i, p * 0), "paint a stroke inside each of at least two"),
    "one class": (lambda i, p: (i, p * (p == 2)), "paint a stroke of a second class"),
    "other shape": (lambda i, p: (i, p[:-3]), "a.npy: The strokes are 69 × 72 px but the image"),
    "not a number": (lambda i, p: (with_nan(i), p), "a.npy: This image has pixels that are not"),
    "constant": (lambda i, p: (i * 0 + 7, p), "a.npy: All pixels of this image have the same"),
    "one pixel": (lambda i, p: (i[:1, :1], p[:1, :1]), "All pixels of this image have the same"),
    "label 256": (lambda i, p: (i, p.astype(int) * 128), "the value 256, but classes go from 1"),
    "fractions": (lambda i, p: (i, p / 2), "save them as whole numbers"),
    "a stack": (lambda i, p: (np.stack([i] * 5), p), "not a single plane"),
}


@pytest.mark.parametrize("change", BAD)
def test_bad_images_and_strokes_get_a_sentence(train, change, tmp_path):
    make, sentence = BAD[change]
    image, paint = make(train.image, train.paint)
    done = train(image=image, paint=paint)
    assert done.code == 1
    assert sentence in done.err
    assert done.out == ""
    assert not (tmp_path / "out" / "model.safetensors").exists()


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x93NUMPY\x01\x00"])
@pytest.mark.parametrize("place", ["images", "paint"])
def test_empty_foreign_and_truncated_files(train, tmp_path, content, place):
    (tmp_path / place).mkdir()
    (tmp_path / place / "a.npy").write_bytes(content)
    done = train(**{"image" if place == "images" else "paint": None})
    assert done.code == 1
    assert "a.npy is an empty file" in done.err or "a.npy cannot be read" in done.err


def test_wrong_class_names_channels_and_starts(train, project, tmp_path):
    done = train("--classes", "a,b", paint=np.where(train.paint == 2, 3, train.paint))
    assert done.code == 1
    assert "Class 3 is painted but only 2 classes are named" in done.err
    done = train("--init", project / "model.safetensors", image=np.stack([train.image] * 3, -1))
    assert done.code == 1
    assert "channel" in done.err
    done = train("--init", tmp_path / "none.safetensors")
    assert done.code == 1
    assert "none.safetensors cannot be read" in done.err


def test_a_device_that_is_not_there(train):
    missing = "mps" if os.uname().sysname == "Linux" else "cuda"
    done = train("--device", missing)
    assert done.code == 1
    assert f"There is no {missing} device" in done.err


def test_a_place_where_no_model_can_be_written_is_told_before_training(train, tmp_path):
    done = train("--out", tmp_path)
    assert done.code == 1
    assert "is a folder: name the model file" in done.err
    (tmp_path / "file").write_bytes(b"")
    done = train("--out", tmp_path / "file" / "model.safetensors")
    assert done.code == 1
    assert "cannot be made" in done.err


def test_a_full_disk_gets_a_sentence(train, monkeypatch):
    def full(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    done = train()
    assert done.code == 1
    assert "cannot be written to" in done.err
    assert "No space left on device." in done.err


def test_too_little_memory_gets_a_sentence(train, monkeypatch):
    def short(*args, **options):
        raise MemoryError("The image does not fit into memory: close other programs.")

    monkeypatch.setattr(module, "train", short)
    done = train()
    assert done.code == 1
    assert done.err.splitlines()[-1].startswith("napari-unet: The image does not fit into memory")


def test_files_and_folders_that_are_not_there(command, project, tmp_path):
    done = command(
        *("train", "--images", tmp_path / "none", "--annotations", project / "strokes"),
        *("--out", tmp_path / "model.safetensors"),
    )
    assert done.code == 1
    assert "There is no file or folder" in done.err


def test_names_that_do_not_match(command, project, tmp_path):
    done = command(
        *("train", "--images", project / "images" / "more.tif"),
        *("--annotations", project / "strokes", "--out", tmp_path / "model.safetensors"),
    )
    assert done.code == 1
    assert "No image has the name of the annotation disk.png" in done.err


@pytest.mark.parametrize(("kind", "lowest"), [((), 1), (("dense",), 0)])
def test_objects_are_learnt_from(train, tmp_path, kind, lowest):
    paint = np.full(train.paint.shape, lowest, np.uint16)
    paint[10:20, 10:20], paint[10:20, 20:30] = 300, 1000
    done = train("--json", "--objects", *kind, paint=paint)
    assert done.code == 0, done.err
    assert done.json[0]["classes"] == ["background", "object"]


def test_more_objects_than_classes_can_be_need_their_flag(train):
    done = train(paint=np.full(train.paint.shape, 300, np.uint16))
    assert done.code != 0
    assert "Is this an image of objects?" in done.err
    assert "--objects" in done.err
