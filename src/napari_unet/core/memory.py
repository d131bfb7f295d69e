"""Memory that was let go of, back to the system.

glibc keeps the holes between small blocks that are still used. Of what an answer needs (features
of all painted planes, at two working scales) hundreds of MB stay so, which no other program can
use, and their number grows with the time a program runs.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import cache


def give_back() -> bool:
    """Give free pages of the heap back; takes some 10 ms, and what comes next needs them anew.

    Returns
    -------
    bool
        Whether there were any; always False where the C library is not glibc.
    """
    trim = _malloc_trim()
    return trim is not None and bool(trim(0))


@cache
def _malloc_trim() -> Callable[[int], int] | None:
    """The C library's function (malloc_trim(3)), where it has one."""
    if sys.platform != "linux":
        return None
    trim: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim
