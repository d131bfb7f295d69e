"""What happens to the processes when windows close, in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    sys.platform == "linux" and not (os.getenv("DISPLAY") or os.getenv("WAYLAND_DISPLAY")),
    reason="no display: run the tests under xvfb-run",
)

START = """
import sys, time
import numpy as np
import napari
from qtpy.QtCore import QTimer
from napari_unet.widgets import keeper
from napari_unet.widgets.panel import AnnotatePanel
keeper.engine_command = [sys.executable, {fake!r}]
viewer = napari.Viewer(show={show})
viewer.add_image(np.arange(6400.0).reshape(80, 80))
panel = AnnotatePanel(viewer)
viewer.window.add_dock_widget(panel)
app = napari.qt.get_qapp()

def work_until(condition, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end and not condition():
        app.processEvents()
        time.sleep(0.01)

work_until(lambda: panel.studio.desk.active is not None, 20)
panel.studio.train()
print(panel.studio.keeper.process_id, flush=True)
"""


def run(body, *, show=False):
    fake = str(Path(__file__).with_name("fake_engine.py"))
    code = START.format(fake=fake, show=show) + body
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )


def gone(pid, seconds=5.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not Path(f"/proc/{pid}").exists():
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize(
    "body",
    [
        "QTimer.singleShot(300, app.quit)\nnapari.run(force=True)",
        "QTimer.singleShot(300, viewer.close)\nnapari.run(force=True)",
        "viewer.close()",
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    ],
    ids=["quit", "close", "script end", "kill -9"],
)
def test_the_engine_ends_within_5_s_of_the_window(body):
    done = run(body, show="run" in body)
    assert done.stdout.strip(), done.stderr
    assert gone(int(done.stdout))


@pytest.fixture(scope="module")
def closed():
    """What a program says of torch while its window is at work, and of the engine after it."""
    return run(
        "from pathlib import Path\n"
        "import napari_unet.widgets.apply, napari_unet.widgets.batch\n"
        "print(sorted(m for m in sys.modules if m.partition('.')[0] == 'torch'))\n"
        "place = Path('/proc') / str(panel.studio.keeper.process_id)\n"
        "viewer.close()\n"
        "work_until(lambda: not place.exists(), 5)\n"
        "print(place.exists())\n"
    )


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_closing_one_viewer_ends_its_engine_while_the_program_goes_on(closed):
    assert closed.stdout.split("\n")[2] == "False", closed.stderr


def test_the_window_never_imports_torch(closed):
    assert closed.stdout.split("\n")[1] == "[]", closed.stderr
