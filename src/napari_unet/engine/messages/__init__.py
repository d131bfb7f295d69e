"""What the window tells the engine (commands) and what it hears back (events).

Both are closed unions of frozen values; whoever handles one matches on its type and ends in
`assert_never`. A plane is named by a string that its sender chooses.

This is the place to import messages from. Who handles many of them takes the modules instead:
`from napari_unet.engine.messages import commands, events`.
"""

from __future__ import annotations

from napari_unet.engine.messages.base import *  # noqa: F403 - all of it, so nothing is listed twice
from napari_unet.engine.messages.commands import *  # noqa: F403
from napari_unet.engine.messages.events import *  # noqa: F403
from napari_unet.engine.messages.folder_events import *  # noqa: F403
