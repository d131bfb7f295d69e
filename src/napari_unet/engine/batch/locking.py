"""A lock that the system lets go when its owner ends, however that happens."""

from __future__ import annotations

import errno
import sys
from pathlib import Path
from typing import IO

_TAKEN = {errno.EACCES, errno.EAGAIN, errno.EDEADLK}


def lock(path: Path) -> IO[bytes] | None:
    """Take a lock file; None if another process has it. Closing the file lets it go.

    Where the file system knows no locks, everybody gets it.
    """
    file = path.open("ab")
    try:
        _take(file)
    except OSError as error:
        if error.errno in _TAKEN:
            file.close()
            return None
    return file


if sys.platform == "win32":
    import msvcrt

    def _take(file: IO[bytes]) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _take(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
