"""Ends an engine on another machine when its parent has not been heard of for long.

Where a line breaks without a word (a lid closed, a cable pulled), stdin stays open for hours. So
the parent sends something every few seconds, and who hears nothing for a minute lets go of the GPU.
"""

from __future__ import annotations

import io
import os
import sys
import threading
import time
from typing import Any, BinaryIO

BEAT = 10.0  # seconds after which the parent says something, if it has nothing to say
SILENT = 75  # exit code of a process that heard nothing
_LONGEST = 60.0  # seconds of silence
_LOOK = 1.0  # seconds between two looks


class _Ear(io.FileIO):
    """A stream that knows when something last came."""

    heard = 0.0

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401
        """Read, and note when."""
        count = super().readinto(buffer)
        self.heard = time.monotonic()
        return count


def watched(source: BinaryIO) -> BinaryIO:
    """The same stream; the process ends when nothing comes out of it for long."""
    ear = _Ear(os.dup(source.fileno()))
    source.close()
    ear.heard = time.monotonic()
    threading.Thread(target=_watch, args=(ear,), daemon=True).start()
    return io.BufferedReader(ear)


def _watch(ear: _Ear) -> None:
    while time.monotonic() - ear.heard < _LONGEST:
        time.sleep(_LOOK)
    sys.stderr.write("nobody was heard of for long\n")
    sys.stderr.flush()
    os._exit(SILENT)
