"""Messages as bytes: length-prefixed MessagePack frames over a pipe or `ssh`.

No pickle: bytes from the other end can become a message of the closed unions or an error,
nothing else.
"""

from __future__ import annotations

import math
import re
import struct
from typing import Any, BinaryIO

import msgspec
import numpy as np

from napari_unet.engine.messages import Command, Event

_LENGTH = struct.Struct("<Q")
_LONGEST = 1 << 34  # bytes in a frame; more means a broken stream
_DTYPE = re.compile(r"[<>|][biuf]\d{1,2}")


class BrokenStreamError(RuntimeError):
    """The bytes are not a frame: the other end died while writing, or is something else."""


def _encode_array(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, np.ndarray):
        if not _DTYPE.fullmatch(value.dtype.str):
            raise TypeError(f"arrays of {value.dtype} do not travel")
        flat = np.ascontiguousarray(value).reshape(-1)
        return (value.dtype.str, value.shape, flat.view(np.uint8).data)
    raise NotImplementedError(f"cannot send a {type(value).__name__}")


def _decode_array(kind: type, value: Any) -> Any:  # noqa: ANN401
    if kind is np.ndarray or getattr(kind, "__origin__", None) is np.ndarray:
        name, shape, data = msgspec.convert(value, tuple[str, tuple[int, ...], bytes])
        if not _DTYPE.fullmatch(name):
            raise ValueError(f"arrays of {name} do not travel")
        dtype = np.dtype(name)
        if len(data) != math.prod(shape) * dtype.itemsize:
            raise ValueError(f"{len(data)} bytes are no array of shape {shape}")
        return np.frombuffer(data, dtype).reshape(shape)
    raise NotImplementedError(f"cannot read a {kind}")


_encoder = msgspec.msgpack.Encoder(enc_hook=_encode_array)
_commands = msgspec.msgpack.Decoder(Command, dec_hook=_decode_array)
_events = msgspec.msgpack.Decoder(Event, dec_hook=_decode_array)


def write(stream: BinaryIO, message: Command | Event) -> None:
    """Write one frame and flush it."""
    body = _encoder.encode(message)
    stream.write(_LENGTH.pack(len(body)))
    stream.write(body)
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


def _decoded(decoder: Any, body: bytes) -> Any:  # noqa: ANN401
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise BrokenStreamError(f"not a message: {error}") from error


def _frame(stream: BinaryIO) -> bytes | None:
    head = stream.read(_LENGTH.size)
    if not head:
        return None
    if len(head) < _LENGTH.size:
        raise BrokenStreamError("the stream ended inside a frame")
    (length,) = _LENGTH.unpack(head)
    if length > _LONGEST:
        raise BrokenStreamError(f"a frame of {length} bytes cannot be right")
    try:
        body = stream.read(length)
    except MemoryError as error:
        raise BrokenStreamError(f"a frame of {length} bytes does not fit into memory") from error
    if len(body) < length:
        raise BrokenStreamError("the stream ended inside a frame")
    return body
