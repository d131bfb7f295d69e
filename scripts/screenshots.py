"""Make the documentation's pictures: the panel in every state, from the real program.

    python scripts/screenshots.py               # docs/images: windows, every state, the animation
    python scripts/screenshots.py --scale 2     # as on a screen of twice the density
    python scripts/screenshots.py --width 320   # with a narrower dock

Whatever it shows was computed and painted just then. On Linux it runs on a screen of Xvfb.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
THEMES = ("dark", "light")


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--out", type=Path, default=HERE.parent / "docs" / "images")
    options.add_argument("--seconds", type=float, default=60, help="of training before the result")
    options.add_argument("--themes", nargs="+", choices=THEMES, default=THEMES)
    options.add_argument("--scale", type=float, default=1)
    options.add_argument("--width", type=int, default=360, help="of the panel's dock, px")
    options.add_argument("--no-animation", action="store_true")
    chosen = options.parse_args()
    for theme in chosen.themes:
        run(
            "states.py", chosen.scale, chosen.out.resolve(), "--theme", theme,
            "--seconds", chosen.seconds, "--width", chosen.width,
        )  # fmt: skip
    if not chosen.no_animation:
        run("animation.py", 1, chosen.out.resolve() / "painting.webp")


def run(script, scale, *options):
    """Run one of the scripts beside this one, in a process and on a screen of its own."""
    command = [sys.executable, str(HERE / script), *map(str, options)]
    if sys.platform == "linux":
        if not shutil.which("xvfb-run"):
            sys.exit("screenshots: xvfb-run is not installed (Debian and Ubuntu: package xvfb)")
        screen = f"-screen 0 {round(1600 * scale)}x{round(1300 * scale)}x24"
        command = ["xvfb-run", "-a", "-s", screen, *command]
    env = {**os.environ, "QT_SCALE_FACTOR": str(scale)}
    subprocess.run(command, check=True, env=env)


main()
