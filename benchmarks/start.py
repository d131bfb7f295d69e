"""What the plugin costs before it is used: napari's start, `import napari_unet`, `--help`.

    xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/start.py --repeats 9

napari is started in a process of its own until its window is drawn, in turn with the plugin
disabled in its settings and enabled, where the panel is opened, too. Each process says itself how
long it took from its first line on; the interpreter's own start is not in it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PLUGIN = "napari-unet-live"
NAPARI = """
import time
start = time.perf_counter()
import napari
viewer = napari.Viewer()
from qtpy.QtWidgets import QApplication
QApplication.processEvents()
drawn = time.perf_counter()
import npe2, sys, json
known = npe2.PluginManager.instance()
on = "napari-unet-live" in known and not known.is_disabled("napari-unet-live")
opened = None
if on:
    viewer.window.add_plugin_dock_widget("napari-unet-live", "Annotate and train")
    QApplication.processEvents()
    opened = time.perf_counter() - drawn
torch = "torch" in sys.modules
print(json.dumps({"on": on, "napari": drawn - start, "panel": opened, "torch": torch}))
viewer.close()
"""
IMPORT = """
import time
start = time.perf_counter()
import napari_unet
print(time.perf_counter() - start)
"""


def napari_starts(folder: Path, *, on: bool) -> dict:
    """Start napari once; what it said of itself."""
    config = folder / f"{'on' if on else 'off'}.yaml"
    off = "napari-svg" if on else PLUGIN  # another plugin each time, as settings take a while, too
    config.write_text(f"plugins:\n  disabled_plugins: [{off}]\n")
    environment = os.environ | {
        "NAPARI_CONFIG": str(config), "NAPARI_UNET_DATA": str(folder / "data"),
    }  # fmt: skip
    said = subprocess.run(
        [sys.executable, "-c", NAPARI],
        env=environment, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    found = json.loads(said.splitlines()[-1])
    if found["on"] != on or found["torch"]:
        raise SystemExit(f"not as meant: {found}")
    return found


def wall(*command: str) -> float:
    """Seconds that a command takes."""
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def told(name: str, values: list[float]) -> None:
    """Print the middle and the ends of what was measured."""
    middle, low, high = statistics.median(values), min(values), max(values)
    print(f"{name:<44}{middle:8.3f}{low:8.3f}{high:8.3f}")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--repeats", type=int, default=9)
    repeats = options.parse_args().repeats
    found: dict[str, list[float]] = {}

    def note(name: str, value: float) -> None:
        found.setdefault(name, []).append(value)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for on in (False, True):  # what is read for the first time is slow
            napari_starts(folder, on=on)
        for number in range(repeats):
            for on in (False, True) if number % 2 else (True, False):
                started = napari_starts(folder, on=on)
                note(f"napari, plugin {'enabled' if on else 'disabled'}", started["napari"])
                if on:
                    note("the panel, from the menu's command", started["panel"])
            seconds = subprocess.run(
                [sys.executable, "-c", IMPORT], check=True, capture_output=True, text=True
            ).stdout
            note("import napari_unet", float(seconds))
            note("python -c pass (process)", wall(sys.executable, "-c", "pass"))
            command = str(Path(sys.executable).with_name("napari-unet"))
            note("napari-unet --help (process)", wall(command, "--help"))
    print(f"{'seconds':<44}{'median':>8}{'min':>8}{'max':>8}")
    for name, values in found.items():
        told(name, values)
    ratio = statistics.median(found["napari, plugin enabled"]) / statistics.median(
        found["napari, plugin disabled"]
    )
    print(f"napari with the plugin takes {ratio:.3f} times as long as without")


if __name__ == "__main__":
    main()
