from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from importlib.metadata import version

import pytest
from npe2 import PluginManifest

import napari_unet

HEAVY = ("torch", "napari", "qtpy", "PySide6", "PyQt6", "magicgui", "skimage", "numpy", "scipy")


def modules_after(code):
    """Top-level modules that a fresh interpreter has loaded after running some code."""
    script = f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120
    )
    return {name.split(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}


def test_importing_the_package_loads_nothing_heavy():
    assert not modules_after("import napari_unet; napari_unet.__version__").intersection(HEAVY)


def test_help_loads_nothing_heavy():
    code = "from napari_unet.cli.parser import build_parser; build_parser().format_help()"
    assert not modules_after(code).intersection(HEAVY)


def test_the_window_never_loads_torch():
    loaded = modules_after("from napari_unet.widgets import panel, apply, batch, samples")
    assert "qtpy" in loaded
    assert "torch" not in loaded


def test_loading_a_model_needs_no_window():
    loaded = modules_after("import napari_unet; napari_unet.load; napari_unet.train")
    assert "torch" in loaded
    assert not loaded.intersection({"napari", "qtpy", "PySide6", "magicgui"})


def test_public_names():
    assert (
        set(napari_unet.__all__)
        == set(dir(napari_unet))
        == {
            "Model",
            "__version__",
            "load",
            "train",
        }
    )
    assert napari_unet.Model.__name__ == "Model"
    assert callable(napari_unet.load)
    assert callable(napari_unet.train)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = napari_unet.nothing


def test_the_version_is_that_of_the_distribution():
    assert napari_unet.__version__ == version("napari-unet-live")


def test_the_manifest_is_valid_and_all_it_names_exists():
    manifest = PluginManifest.from_distribution("napari-unet-live")
    assert manifest.name == "napari-unet-live"
    assert manifest.display_name == "U-Net"
    for command in manifest.contributions.commands:
        home, name = command.python_name.split(":")
        assert callable(getattr(import_module(home), name))


def test_the_menu_shows_three_widgets():
    widgets = PluginManifest.from_distribution("napari-unet-live").contributions.widgets
    assert [widget.display_name for widget in widgets] == [
        "Annotate and train",
        "Apply model",
        "Batch segment a folder",
    ]
