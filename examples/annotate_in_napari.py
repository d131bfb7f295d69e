"""Open an image in napari with the panel, ready to be painted.

    python examples/annotate_in_napari.py my-image.tif

Needs `pip install ".[napari]"`. Without a file, a sample image is opened.
"""

from __future__ import annotations

import argparse

import napari

PLUGIN = "napari-unet-live"


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("image", nargs="?", help="a file that napari can open")
    chosen = options.parse_args()

    viewer = napari.Viewer()
    if chosen.image:
        viewer.open(chosen.image)
    else:
        viewer.open_sample(PLUGIN, "cell")
    viewer.window.add_plugin_dock_widget(PLUGIN, "Annotate and train")
    napari.run()


if __name__ == "__main__":
    main()
