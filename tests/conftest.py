"""What all tests share: none may change the user's own napari settings, and many need a toy."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from napari_unet.core.image import Picture

OWN = Path(tempfile.mkdtemp(prefix="napari-unet-"))
os.environ["NAPARI_CONFIG"] = str(OWN / "settings.yaml")
os.environ["NAPARI_UNET_DATA"] = str(OWN / "data")
sys.path.insert(0, str(Path(__file__).parent))  # for the helpers beside the tests
BESIDE = "PYTEST_XDIST_WORKER" in os.environ  # whether other tests run at the same time
if BESIDE:
    os.environ.setdefault("OMP_NUM_THREADS", "1")


# the server ends with its input, so also where this process is killed
DISPLAY = "Xvfb -displayfd 1 -screen 0 1600x1000x24 -nolisten tcp & read end; kill $!"


def pytest_configure(config):
    """On one display, the windows of two processes would take the keyboard from each other."""
    config.add_cleanup(partial(shutil.rmtree, OWN, ignore_errors=True))
    if BESIDE and shutil.which("Xvfb"):
        pipe = subprocess.PIPE
        server = subprocess.Popen(
            ["/bin/sh", "-c", DISPLAY], stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL
        )
        os.environ["DISPLAY"] = f":{int(server.stdout.readline())}"
        config.add_cleanup(server.communicate)


@pytest.fixture
def toy():
    """Bright disks on dark ground with noise; a few strokes of ground (1) and disks (2)."""

    def make(size=60, seed=0):
        y, x = np.mgrid[:size, :size]
        truth = np.ones((size, size), np.uint8)
        for cy, cx in ((0.27, 0.27), (0.27, 0.73), (0.73, 0.27), (0.73, 0.73)):
            truth[np.hypot(y - cy * size, x - cx * size) < 0.15 * size] = 2
        noise = np.random.default_rng(seed).normal(0, 8, truth.shape)
        image = (np.where(truth == 2, 150, 70) + noise).astype(np.float32)
        paint = np.zeros_like(truth)
        third = round(0.27 * size)
        paint[2:4, 5:-5] = 1
        paint[size // 2, 5 : size // 2] = 1
        paint[third - 1 : third + 1, third - 5 : third + 6] = 2
        paint[-third, third - 4 : third + 5] = 2
        assert (truth[paint > 0] == paint[paint > 0]).all()
        raw = image[None]
        picture = Picture.of(raw)
        return SimpleNamespace(image=image, raw=raw, picture=picture, paint=paint, truth=truth)

    return make


@pytest.fixture
def sshd(tmp_path, monkeypatch):
    """A real ssh server on the loopback address, which the program's `ssh` knows as `lab`."""
    import loopback
    from napari_unet.engine import host

    if reason := loopback.missing():
        pytest.skip(reason)
    folder = tmp_path / "sshd"
    folder.mkdir()
    server = loopback.Sshd(folder)
    monkeypatch.setattr(host, "program", server.program)
    yield server
    server.stop()
