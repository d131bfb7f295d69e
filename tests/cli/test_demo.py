from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import napari_unet
from napari_unet.cli import demo
from napari_unet.cli.picture import before_after
from napari_unet.core.files import read_labels
from napari_unet.core.samples import touching_cells


@pytest.fixture
def no_display(monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)


def test_without_a_display_the_same_loop_runs_headless(command, no_display, tmp_path):
    done = command("demo", "--out", tmp_path / "new", "--seconds", "1", "--json")
    assert done.code == 0, done.err
    assert "no display" in done.err
    (line,) = done.json
    assert line["first_answer_seconds"] > 0
    assert line["tiles"] >= 1
    assert sum(line["shares"].values()) == pytest.approx(1)
    labels = read_labels(tmp_path / "new" / "immunohistochemistry.tif")
    assert set(np.unique(labels)) == {1, 2, 3}
    with Image.open(tmp_path / "new" / "immunohistochemistry.png") as picture:
        assert picture.width > 2 * 512
    model = napari_unet.load(tmp_path / "new" / "immunohistochemistry.safetensors")
    assert model.header.classes == ("empty", "stroma", "gland")


def test_a_folder_that_cannot_be_made_is_told_before_training(command, no_display, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    done = command("demo", "--out", tmp_path / "file" / "new", "--seconds", "1")
    assert done.code == 1
    assert "cannot be made" in done.err
    assert "Training" not in done.err


def test_with_a_display_the_window_opens(command, monkeypatch):
    opened = []
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(demo, "_open_window", lambda: opened.append(True) or 0)
    assert command("demo").code == 0
    assert opened


def test_the_window_shows_the_sample_the_panel_and_the_guide(make_napari_viewer, monkeypatch):
    import napari

    viewer = make_napari_viewer()
    monkeypatch.setattr(napari, "Viewer", lambda: viewer)
    monkeypatch.setattr(napari, "run", lambda: None)
    assert demo._open_window() == 0
    names = [layer.name for layer in viewer.layers]
    assert "immunohistochemistry" in names
    assert "immunohistochemistry strokes" in names
    docks = list(viewer.window.dock_widgets)
    assert any(demo.PANEL in name for name in docks)
    assert "Try it" in docks


def test_the_picture_shows_strokes_and_prediction():
    sample = touching_cells()
    picture = np.asarray(before_after(sample, sample.truth))
    plain = np.repeat(sample.image[..., None], 3, -1)
    left = picture[:384, :384]
    assert (left[sample.strokes == 0] == plain[sample.strokes == 0]).all()
    assert len(np.unique(left[sample.strokes == 2], axis=0)) == 1
    right = picture[:384, 384 + 8 :]
    assert right.shape == plain.shape
    # class 1 is bluish, class 2 orange, whatever the image shows there
    tint = right[..., 0].astype(int) - right[..., 2]
    assert tint[sample.truth == 1].max() < 0 < tint[sample.truth == 2].min()
