from __future__ import annotations


def test_what_a_model_says_of_itself(command, project):
    done = command("info", project / "model.safetensors")
    assert done.code == 0
    lines = dict(line.split("  ", 1) for line in done.out.splitlines())
    told = {key.strip(): value.strip() for key, value in lines.items()}
    assert told["classes"] == "1 background, 2 disk"
    assert told["channels"] == "1"
    assert told["steps"] == "2"
    assert told["begun with"] == "pre-trained weights"
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
