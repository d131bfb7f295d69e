"""`python -m napari_unet.cli`: the command line without its script."""

from __future__ import annotations

import sys

from napari_unet.cli import main

if __name__ == "__main__":
    sys.exit(main())
