"""The examples run as they stand, only with less training."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import pytest

import napari_unet
from napari_unet.cli.parser import build_parser
from napari_unet.core import device
from slurm import without_queue

FOLDER = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture
def quick(tmp_path, monkeypatch):
    """In an empty folder, on one core, since other tests may run beside."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(device, "cores", lambda: 1)


def run(name, *arguments):
    sys.argv = [name, *arguments]
    runpy.run_path(str(FOLDER / name), run_name="__main__")


@pytest.fixture(autouse=True)
def _arguments(monkeypatch):
    monkeypatch.setattr(sys, "argv", sys.argv)


def test_each_is_listed():
    listed = (FOLDER / "README.md").read_text(encoding="utf-8")
    for path in FOLDER.glob("*.*"):
        assert path.name == "README.md" or f"| `{path.name}` |" in listed


def test_train_and_segment(quick, capsys):
    run("train_and_segment.py", "--seconds", "0.01", "--out", "model.safetensors")
    assert "IoU of cell: 0." in capsys.readouterr().out
    assert napari_unet.load("model.safetensors").header.classes == ("background", "cell")


def test_the_notebook(quick, capsys):
    cells = json.loads((FOLDER / "train_and_segment.ipynb").read_text(encoding="utf-8"))["cells"]
    names = {}
    for cell in cells:
        assert not cell.get("outputs")  # they would be out of date one day
        if cell["cell_type"] == "code":
            code = "".join(cell["source"]).replace("seconds=60", "seconds=0.01")
            exec(compile(code, cell["id"], "exec"), names)  # noqa: S102 - our own
    said = capsys.readouterr().out
    assert "IoU of cell: 0." in said
    assert f"{names['objects'].max()} cells" in said
    assert Path("touching-cells.safetensors").exists()


def test_annotate_in_napari(make_napari_viewer, monkeypatch):
    import napari

    viewer = make_napari_viewer()
    monkeypatch.setattr(napari, "Viewer", lambda: viewer)
    monkeypatch.setattr(napari, "run", lambda: None)
    run("annotate_in_napari.py")
    assert "cell strokes" in [layer.name for layer in viewer.layers]
    assert any("Annotate and train" in name for name in viewer.window.dock_widgets)


def test_slurm_batch(monkeypatch):
    """With a queue that is not there, up to the command that it starts."""
    asked, started = without_queue(monkeypatch)
    run("slurm_batch.py", "images", "--model", "m.safetensors", "--out", "out", "--jobs", "3")
    ((program, *words),) = started
    assert program == "napari-unet"
    options = build_parser().parse_args(words)
    assert options.cluster == "tcp://host:8786"
    assert asked["jobs"] == 3
    assert asked["cores"] == asked["processes"]  # one image at a time in each worker
