"""A viewer with a panel on it, and an engine that needs no torch."""

from __future__ import annotations

import gc
import os
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from npe2 import PluginManifest

from napari_unet.engine import host
from napari_unet.widgets import keeper
from napari_unet.widgets.panel import AnnotatePanel

HERE = Path(__file__).parent
FAKE_SSH = (sys.executable, str(HERE / "fake_ssh.py"))
FAKE_ENGINE = [sys.executable, str(HERE / "fake_engine.py")]
sys.path.insert(0, str(HERE))  # for the helpers beside the tests

import hands  # noqa: E402


def pytest_collection_modifyitems(items):
    if sys.platform == "linux" and not (os.getenv("DISPLAY") or os.getenv("WAYLAND_DISPLAY")):
        skip = pytest.mark.skip(reason="no display: run the tests under xvfb-run")
        for item in items:
            if "make_napari_viewer" in getattr(item, "fixturenames", ()):
                item.add_marker(skip)


@pytest.fixture(scope="session", autouse=True)
def _plugins_are_read_once():
    """Every new viewer looks for plugins and reads all their manifests."""
    read = cache(PluginManifest.from_file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PluginManifest, "from_file", lambda path: read(path).model_copy(deep=True))
        yield


@pytest.fixture(scope="session", autouse=True)
def _modules_are_no_garbage():
    """Each test with a viewer collects garbage; what is imported need not be looked through."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def data_folder(tmp_path, monkeypatch):
    """A place for unsaved projects that no other test has."""
    monkeypatch.setenv("NAPARI_UNET_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def fake_engine(monkeypatch):
    monkeypatch.setattr(keeper, "engine_command", FAKE_ENGINE)


@pytest.fixture
def closed(monkeypatch, tmp_path):
    """The other machine is `lab`, or any name; while this file exists, none lets anybody in."""
    monkeypatch.setattr(host, "program", FAKE_SSH)
    monkeypatch.setenv("FAKE_SSH_CLOSED", str(tmp_path / "closed"))
    return tmp_path / "closed"


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer()


@pytest.fixture
def image():
    """Dark left, bright right: a threshold gets it right."""
    return hands.halves(200, 240)


@pytest.fixture
def panel(fake_engine, viewer, qtbot):
    """An open panel in a viewer without an image."""
    panel = AnnotatePanel(viewer)
    viewer.window.add_dock_widget(panel, name="Annotate and train")
    yield panel
    panel.studio.keeper.close()


@pytest.fixture
def studio(panel, viewer, image, qtbot):
    """The studio of an open panel, at work on an image."""
    viewer.add_image(image, name="halves")
    qtbot.waitUntil(lambda: panel.studio.desk.active is not None, timeout=5000)
    return panel.studio


@pytest.fixture
def open_stack(panel, viewer, qtbot):
    """Opens an array as an image; gives the studio, at work on it."""

    def start(array, **options):
        viewer.add_image(array, name="stack", **options)
        qtbot.waitUntil(lambda: panel.studio.desk.active is not None, timeout=5000)
        return panel.studio

    return start


@pytest.fixture
def painted(studio, qtbot):
    """The same with a stroke of each class, and answered."""
    hands.paint(studio, 1, np.s_[20:40, 10:60])
    hands.paint(studio, 2, np.s_[20:40, 150:200])
    qtbot.waitUntil(lambda: studio.lesson.report.answered, timeout=10000)
    return studio
