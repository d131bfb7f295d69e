"""Open the demo's window, wait until its prediction covers the image, and close it.

Tells how long that took. Needs a screen, or Xvfb.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

# the user's own napari settings are neither read nor changed
os.environ.setdefault("NAPARI_CONFIG", str(Path(tempfile.mkdtemp()) / "settings.yaml"))

import napari
from qtpy import API_NAME
from qtpy.QtCore import QEventLoop, QTimer

from napari_unet.cli import main as command


def wait(seconds: float) -> None:
    """What `napari.run` is replaced with: until there is a prediction."""
    viewer = napari.current_viewer()
    begin = time.monotonic()
    while not any("prediction" in x.name and x.data.all() for x in viewer.layers):
        if time.monotonic() - begin > seconds:
            sys.exit(f"no prediction after {seconds:g} s; layers: {list(viewer.layers)}")
        loop = QEventLoop()  # vispy's QTest.qWait would keep a core busy
        QTimer.singleShot(50, loop.quit)
        loop.exec()
    print(
        f"napari {napari.__version__}, {API_NAME}: the prediction covers the image "
        f"{time.monotonic() - begin:.1f} s after the window opened"
    )
    viewer.close()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seconds", type=float, default=180, help="to wait at most")
    seconds = options.parse_args().seconds
    napari.run = lambda: wait(seconds)
    sys.exit(command(["demo"]))


if __name__ == "__main__":
    main()
