"""`python -m napari_unet.engine`: the engine's child process."""

from __future__ import annotations

import os
import sys

from napari_unet.engine.host import REMOTE
from napari_unet.engine.worker import main

if __name__ == "__main__":
    main(remote=REMOTE in sys.argv)
    sys.stderr.flush()
    os._exit(0)  # unloading torch takes seconds on a busy machine, and nothing waits for it
