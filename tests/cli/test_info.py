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
