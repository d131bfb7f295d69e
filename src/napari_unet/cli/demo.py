"""`napari-unet demo`: napari with the panel on a real image, or the same loop without a window."""

from __future__ import annotations

import argparse
import os
import sys
from importlib.util import find_spec

from napari_unet.cli import headless
from napari_unet.cli.output import say

PLUGIN = "napari-unet-live"
PANEL = "Annotate and train"
SAMPLE = "immunohistochemistry"
# short lines, so that the guide leaves the room to the image
GUIDE = """<ol style="margin-left: -22px">
<li>The coloured strokes are paint,<br>a few for each of three classes.<br>Press <b>Train</b>.</li>
<li>Within seconds all is segmented,<br>and it gets better as you watch.</li>
<li>Where it is wrong, choose that<br>class in the panel and paint there.</li>
<li>Then <b>Segment this image</b>,<br>or <b>Save model…</b> for others.</li>
</ol>"""


def run(options: argparse.Namespace) -> int:
    """Open the window where there can be one."""
    if options.headless:
        return headless.run(options)
    if find_spec("napari") is None:
        say(
            "napari is not installed here (pip install 'napari-unet-live[napari]' brings it), so "
            "the demo runs without a window."
        )
        return headless.run(options)
    if not _has_display():
        say("There is no display here, so the demo runs without a window.")
        return headless.run(options)
    return _open_window()


def _has_display() -> bool:
    if not sys.platform.startswith("linux"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _open_window() -> int:
    import napari
    from magicgui.widgets import Label

    viewer = napari.Viewer()
    viewer.open_sample(PLUGIN, SAMPLE)
    viewer.window.add_plugin_dock_widget(PLUGIN, PANEL)
    viewer.window.add_dock_widget(Label(value=GUIDE), name="Try it", area="left")
    viewer.reset_view()  # the docks have taken their room
    napari.run()
    return 0
