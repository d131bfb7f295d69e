"""Records in a file, one after the other, each with its length and a checksum.

A reader takes records up to the first one that is not whole: a file that was cut off or damaged
anywhere gives back all that was written before.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

_HEAD = struct.Struct("<II")  # length of the body, CRC-32 of that length and the body
LARGEST = 1 << 28  # bytes in a record; more is damage


def frame(body: bytes) -> bytes:
    """A record's bytes as they lie in the file.

    Raises
    ------
    ValueError
        If the body is longer than `LARGEST`.
    """
    if len(body) > LARGEST:
        raise ValueError(f"a record of {len(body)} bytes is too long")
    return _HEAD.pack(len(body), _checksum(body)) + body


def whole_frames(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Yield each whole record and where it ends, up to the end of the file or the first damage.

    No more is read into memory than the file holds.

    Parameters
    ----------
    file : binary file
        At the start of a record.
    """
    at = file.tell()
    left = file.seek(0, 2) - at
    file.seek(at)
    while left >= _HEAD.size:
        length, checksum = _HEAD.unpack(file.read(_HEAD.size))
        left -= _HEAD.size
        if length > min(left, LARGEST):
            return
        body = file.read(length)
        left -= length
        if len(body) < length or _checksum(body) != checksum:
            return
        at += _HEAD.size + length
        yield body, at


def _checksum(body: bytes) -> int:
    return zlib.crc32(body, zlib.crc32(len(body).to_bytes(4, "little")))
