"""A stand-in for `ssh`, with the fake engine behind it.

The address says how it goes: "closed" is refused; "lab" is refused while the file named in
FAKE_SSH_CLOSED exists.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import fake_engine

from napari_unet.engine.host import greet


def main():
    address, closed = sys.argv[-2], os.environ.get("FAKE_SSH_CLOSED", "")
    if address == "closed" or (closed and Path(closed).exists()):
        sys.stderr.write(f"ssh: connect to host {address} port 22: Connection refused\n")
        sys.exit(255)
    with os.fdopen(os.dup(1), "wb") as sink:
        greet(sink)
    fake_engine.main()


main()
