"""The front of a model file: read and checked without torch, before anything is allocated."""

from __future__ import annotations

import hashlib
import io
import math
import os
import re
import struct
from dataclasses import dataclass
from typing import Any, BinaryIO

import msgspec
from msgspec import Struct

from napari_unet.core.header import FORMAT, Header, ModelBytes, ModelError

KEY, SEAL = "napari-unet", "checksum"
_LARGEST_WIDTH, _LARGEST_DEPTH = 256, 7
_LONGEST = 1 << 20  # bytes of a header; ours have about 10 kB
_PROGRAM = re.compile(r"[A-Za-z][A-Za-z0-9 ._+-]{0,59}")
_BYTES = {"F32": 4, "F16": 2, "BF16": 2}  # a number of each type that weights may have
_NOT_A_HEADER = (
    struct.error, msgspec.MsgspecError, KeyError, TypeError, UnicodeError, RecursionError,
    AttributeError,
)  # fmt: skip


class Stored(Struct, frozen=True):
    """A tensor of weights as a model file declares it: its place is in bytes after the header."""

    dtype: str
    shape: tuple[int, ...]
    data_offsets: tuple[int, int]


@dataclass(frozen=True)
class Front:
    """What stands before the weights in a model file.

    Attributes
    ----------
    length : in bytes.
    sealed : what of it the checksum covers, beside the weights.
    checksum : of all; empty in files of versions that wrote none.
    """

    header: Header
    tensors: dict[str, Stored]
    length: int
    sealed: bytes
    checksum: str

    def check_weights(self, weights: memoryview) -> None:
        """Refuse other weights than were written.

        Raises
        ------
        ModelError
        """
        if self.checksum and self.checksum != _digest(self.sealed, weights):
            raise ModelError(
                "This model file is damaged: its checksum does not fit. Use another copy."
            )


def seal(data: bytes, header: str) -> bytes:
    """A safetensors file's bytes with our header and a checksum put in."""
    (length,) = struct.unpack("<Q", data[:8])
    tensors = msgspec.json.decode(data[8 : 8 + length], type=dict[str, Any])
    weights = memoryview(data)[8 + length :]
    checksum = _digest(_sealed(header, tensors), weights)
    text = msgspec.json.encode({"__metadata__": {KEY: header, SEAL: checksum}, **tensors})
    text += b" " * (-len(text) % 8)  # so that the weights lie where any reader can map them
    return b"".join((struct.pack("<Q", len(text)), text, weights))


def _sealed(header: str, tensors: dict[str, Any]) -> bytes:
    return msgspec.json.encode([header, tensors], order="sorted")


def _digest(sealed: bytes, weights: memoryview) -> str:
    digest = hashlib.blake2b(sealed, digest_size=16)
    digest.update(weights)
    return digest.hexdigest()


def read_header(data: ModelBytes) -> Header:
    """Read and check the header of a model file's bytes.

    Raises
    ------
    ModelError
    """
    return read_front(io.BytesIO(data)).header


def read_front(stream: BinaryIO) -> Front:
    """Read and check the front of a model file, whatever size it claims to have.

    Raises
    ------
    ModelError
        If it is not a model that can be used here, or the weights are not as long as it says.
    """
    not_one = ModelError(
        "This file is not a napari-unet model. Choose a .safetensors file that was saved "
        "with Save model… or napari-unet train."
    )
    try:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(0)
        (length,) = struct.unpack("<Q", stream.read(8))
        if length > min(size - 8, _LONGEST):
            raise not_one
        outer = msgspec.json.decode(stream.read(length), type=dict[str, Any])
        metadata = outer.pop("__metadata__")
        text, checksum = metadata[KEY], metadata.get(SEAL, "")
        plain = msgspec.json.decode(text, type=dict[str, Any])
        number = plain["format"]
    except _NOT_A_HEADER as error:
        raise not_one from error
    if not isinstance(checksum, str):
        raise not_one
    if not isinstance(number, int) or number > FORMAT:
        raise _too_new(plain, number)
    try:
        front = Front(
            msgspec.json.decode(text, type=Header),
            msgspec.convert(outer, dict[str, Stored]),
            8 + length,
            _sealed(text, outer),
            checksum,
        )
    except msgspec.ValidationError as error:
        raise ModelError(
            f"This model file's header cannot be understood ({error}). Either a newer version "
            "wrote it, then update napari-unet-live; or it is damaged, then use another copy."
        ) from error
    _check_shape(front.header)
    _check_sizes(front.tensors, size - 8 - length)
    return front


def _too_new(plain: dict[str, Any], number: object) -> ModelError:
    """What is said of a file in a format of later."""
    return ModelError(
        f"This model file was saved by {program_of(plain)}, in format {str(number)[:9]}, newer "
        f"than this program knows ({FORMAT}): update napari-unet-live to that version to open "
        "it."
    )


def program_of(plain: dict[str, Any]) -> str:
    """The program and its version that a newer file names; in a stranger's, it can be any text."""
    named = plain.get("program")
    known = isinstance(named, str) and _PROGRAM.fullmatch(named)
    return str(named) if known else "a newer napari-unet-live"


def _check_shape(header: Header) -> None:
    """Refuse sizes that no model of ours has, before any memory is asked for."""
    s = header.shape
    fine = (
        1 <= s.in_channels <= 256
        and 2 <= s.classes <= 255
        and 1 <= s.width <= _LARGEST_WIDTH
        and 1 <= s.depth <= _LARGEST_DEPTH
        and s.width << s.depth <= 4096
        and 0 <= s.side <= _LARGEST_WIDTH
        and s.shrink in {1, 2, 4}
        and s.axes in {2, 3}
        and 0 <= s.across <= (s.depth + 1 if s.axes == 3 else 0)
        and len(header.classes) in {0, s.classes}
    )
    if not fine:
        raise ModelError("This model file's header is damaged: its sizes make no sense.")
    if s.axes == 3 and not s.across:
        raise ModelError(
            "This model segments volumes, which this version cannot do yet where slices are "
            "pooled: choose a model that was trained here, or on 2-D images."
        )


def _check_sizes(tensors: dict[str, Stored], room: int) -> None:
    """Refuse weights that do not fill `room` bytes, one tensor after the other."""
    end = 0
    for tensor in sorted(tensors.values(), key=lambda t: t.data_offsets):
        start, stop = tensor.data_offsets
        if start != end or stop - start != _BYTES.get(tensor.dtype, 0) * math.prod(tensor.shape):
            raise ModelError("This model file is damaged: its header contradicts itself.")
        end = stop
    if end != room:
        raise ModelError(
            f"This model file is damaged: it holds {room} bytes of weights, its header says {end}. "
            "Use another copy."
        )
