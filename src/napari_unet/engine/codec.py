"""Messages as bytes: length-prefixed MessagePack frames over a pipe or `ssh`.

No pickle: bytes from the other end can become a message of the closed unions or an error,
nothing else. An empty frame only says that its sender is there. Over a network, arrays are packed:
the first bytes of all numbers lie side by side, then the second ones, compressed with Zstandard.
"""

from __future__ import annotations

import math
import mmap
import re
import struct
from functools import partial
from typing import Any, BinaryIO

import msgspec
import numpy as np
from numpy.typing import NDArray

from napari_unet.core.files import printable
from napari_unet.engine.messages import Command, Event

_LENGTH = struct.Struct("<Q")
_LONGEST = 1 << 34  # bytes in a frame; more means a broken stream
_LARGE = 1 << 20  # bytes from which on a frame has pages of its own, that are given back at once
_DTYPE = re.compile(r"[<>|][biuf]\d{1,2}")


class BrokenStreamError(RuntimeError):
    """The bytes are not a frame: the other end died while writing, or is something else."""


class CutShortError(BrokenStreamError):
    """The stream ended inside a frame."""

    def __init__(self) -> None:
        super().__init__("the stream ended inside a frame")


def _encode_array(value: Any, *, packed: bool = False) -> Any:  # noqa: ANN401
    if isinstance(value, np.ndarray):
        if not _DTYPE.fullmatch(value.dtype.str):
            raise TypeError(f"arrays of {value.dtype} do not travel")
        flat = np.ascontiguousarray(value).reshape(-1).view(np.uint8)
        if not packed:
            return (value.dtype.str, value.shape, flat.data)
        return (value.dtype.str, value.shape, _pack(flat, value.dtype.itemsize), True)
    raise NotImplementedError(f"cannot send a {type(value).__name__}")


def _decode_array(kind: type, value: Any) -> Any:  # noqa: ANN401
    if kind is np.ndarray or getattr(kind, "__origin__", None) is np.ndarray:
        packed = len(value) == 4
        parts = tuple[str, tuple[int, ...], bytes]
        name, shape, data = msgspec.convert(value[:3] if packed else value, parts)
        if not _DTYPE.fullmatch(name):
            raise ValueError(f"arrays of {name} do not travel")
        dtype = np.dtype(name)
        size = math.prod(shape) * dtype.itemsize
        if packed:
            data = _unpack(data, size, dtype.itemsize)
        if len(data) != size:
            raise ValueError(f"{len(data)} bytes are no array of shape {shape}")
        return np.frombuffer(data, dtype).reshape(shape)
    raise NotImplementedError(f"cannot read a {kind}")


def _pack(flat: NDArray[np.uint8], itemsize: int) -> bytes:
    from imagecodecs import zstd_encode  # needed over a network only

    return bytes(zstd_encode(flat.reshape(-1, itemsize).T.tobytes(), level=1))


def _unpack(data: bytes, size: int, itemsize: int) -> bytes:
    """The `size` bytes that were packed."""
    from imagecodecs import ZstdError, zstd_decode

    if not 0 <= size <= _LONGEST:
        raise ValueError(f"an array of {size} bytes cannot be right")
    try:  # `out` is how long it may become
        flat = np.frombuffer(zstd_decode(data, out=size), np.uint8) if size else np.empty(0)
    except ZstdError as error:
        raise ValueError(f"an array cannot be unpacked: {error}") from error
    if flat.size % itemsize:
        raise ValueError(f"{flat.size} bytes are no array")
    return np.ascontiguousarray(flat.reshape(itemsize, -1).T).tobytes()


_encoder = msgspec.msgpack.Encoder(enc_hook=_encode_array)
_packer = msgspec.msgpack.Encoder(enc_hook=partial(_encode_array, packed=True))
_commands = msgspec.msgpack.Decoder(Command, dec_hook=_decode_array)
_events = msgspec.msgpack.Decoder(Event, dec_hook=_decode_array)


def write(stream: BinaryIO, message: Command | Event, *, packed: bool = False) -> None:
    """Write one frame and flush it; `packed` for a network."""
    encoder = _packer if packed else _encoder
    try:
        body = encoder.encode(message)
    except UnicodeEncodeError:  # names of files can be no text
        body = encoder.encode(_printable(message))
    stream.write(_LENGTH.pack(len(body)))
    stream.write(body)
    stream.flush()


def _printable(value: Any) -> Any:  # noqa: ANN401
    """A message with all text in it spelt so that it can be sent."""
    match value:
        case str():
            return printable(value)
        case tuple():
            return tuple(map(_printable, value))
        case msgspec.Struct():
            fields = {name: _printable(getattr(value, name)) for name in value.__struct_fields__}
            return msgspec.structs.replace(value, **fields)
    return value


def beat(stream: BinaryIO) -> None:
    """Write an empty frame: the sender is there, and has nothing to say."""
    stream.write(_LENGTH.pack(0))
    stream.flush()


def read_command(stream: BinaryIO) -> Command | None:
    """Read one command; None at the end of the stream.

    Raises
    ------
    BrokenStreamError
    """
    body = _frame(stream)
    return None if body is None else _decoded(_commands, body)


def read_event(stream: BinaryIO) -> Event | None:
    """Read one event; None at the end of the stream.

    Raises
    ------
    BrokenStreamError
    """
    body = _frame(stream)
    return None if body is None else _decoded(_events, body)


def _decoded(decoder: Any, body: bytes | mmap.mmap) -> Any:  # noqa: ANN401
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise BrokenStreamError(f"not a message: {error}") from error


def _frame(stream: BinaryIO) -> bytes | mmap.mmap | None:
    length = 0
    while not length:
        head = stream.read(_LENGTH.size)
        if not head:
            return None
        if len(head) < _LENGTH.size:
            raise CutShortError
        (length,) = _LENGTH.unpack(head)
    if length > _LONGEST:
        raise BrokenStreamError(f"a frame of {length} bytes cannot be right")
    try:
        body, received = _read_large(stream, length) if length > _LARGE else _read(stream, length)
    except MemoryError as error:
        raise BrokenStreamError(f"a frame of {length} bytes does not fit into memory") from error
    if received < length:
        raise CutShortError
    return body


def _read(stream: BinaryIO, length: int) -> tuple[bytes, int]:
    body = stream.read(length)
    return body, len(body)


def _read_large(stream: BinaryIO, length: int) -> tuple[mmap.mmap, int]:
    """The same. From the heap, freed models would leave holes that the process keeps."""
    try:
        body = mmap.mmap(-1, length)
    except OSError as error:
        raise MemoryError from error
    return body, stream.readinto(body)  # type: ignore[attr-defined]  # files and pipes have it
