"""`python -m napari_unet.engine`: the engine's child process."""

from __future__ import annotations

import sys

from napari_unet.engine.host import REMOTE
from napari_unet.engine.worker import main

if __name__ == "__main__":
    main(remote=REMOTE in sys.argv)
