from __future__ import annotations

import pytest

from napari_unet.cli.info import duration
from napari_unet.core.model import load


def test_what_a_model_says_of_itself(command, project):
    done = command("info", project / "model.safetensors")
    assert done.code == 0
    lines = dict(line.split("  ", 1) for line in done.out.splitlines())
    told = {key.strip(): value.strip() for key, value in lines.items()}
    assert told["classes"] == "1 background, 2 disk"
    assert told["channels"] == "1"
    assert told["steps"] == "2"
    assert told["begun with"] == "bundled weights"
    assert told["trained for"].endswith(" s")
    assert told["painted pixels"] == "background 360, disk 72"
    assert told["precision"] in {"float32", "bfloat16", "float16"}
    assert "patch 20" in told["settings"]
    assert "learning rate" not in told["settings"]  # as by default


def test_the_same_as_json(command, project):
    (line,) = command("info", project / "model.safetensors", "--json").json
    assert line["classes"] == ["background", "disk"]
    assert line["settings"]["training"]["patch"] == 20
    assert line["shape"]["in_channels"] == 1


def test_it_tells_images_and_strokes(command, project):
    done = command("info", project / "model.safetensors")
    (learnt,) = (line for line in done.out.splitlines() if line.startswith("learnt from"))
    assert "disk.tif (72 × 72 px, 1 channel, uint8, 3 strokes, checksum" in learnt
    (line,) = command("info", project / "model.safetensors", "--json").json
    (image,) = line["material"]["images"]
    assert image["strokes"][0][0] in {1, 2}
    assert "torch" in line["material"]["libraries"]


def test_words_for_a_paper(command, project):
    done = command("info", project / "model.safetensors", "--methods")
    assert "Images were segmented into background and disk" in done.out
    assert "10.1007/978-3-319-24574-4_28" in done.out


def test_a_model_that_went_on_from_another_names_it(command, project, tmp_path):
    parent, child = project / "model.safetensors", tmp_path / "child.safetensors"
    done = command("train", "--images", project / "images", "--annotations", project / "strokes",
                   "--out", child, "--init", parent, "--threads", "1", "--steps", "0")  # fmt: skip
    assert done.code == 0, done.err
    told = command("info", child).out
    assert "a model" in told
    assert f"parent checksum  {load(parent).checksum}" in told
    assert "begun with bundled weights, steps 2" in told
    methods = command("info", child, "--methods").out
    assert "Training went on from another model (model.safetensors, checksum" in methods
    assert "Training began from" not in methods


@pytest.mark.parametrize(
    ("seconds", "said"), [(4.26, "4.3 s"), (42.4, "42 s"), (187, "3 min 7 s"), (7800, "2 h 10 min")]
)
def test_durations_in_words(seconds, said):
    assert duration(seconds) == said
