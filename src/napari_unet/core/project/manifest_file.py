"""The manifest of a project as a file: written with a checksum, and checked as it is read."""

from __future__ import annotations

import hashlib
import math
import re
from typing import Any

import msgspec

from napari_unet.core.files import printable
from napari_unet.core.project.errors import DamagedError, ProjectError
from napari_unet.core.project.manifest import FORMAT, PROGRAM, VERSION, Manifest
from napari_unet.core.settings import Settings

_LARGEST = 64 << 20  # bytes in the file
_INSIDE = re.compile(r"images/[A-Za-z0-9_-]{1,64}\.npy")


def encode(manifest: Manifest) -> bytes:
    """The file's bytes, with a checksum of what they say.

    Raises
    ------
    DamagedError
        If there is something in it that is no text.
    """
    plain = msgspec.to_builtins(manifest)
    try:
        whole = {"checksum": _checksum(plain), **plain}
        return msgspec.json.format(msgspec.json.encode(whole), indent=1)
    except UnicodeEncodeError as error:
        raise DamagedError(f"“{printable(error.object)[:80]}” is no text") from error


def decode(data: bytes) -> tuple[Manifest, tuple[str, ...]]:
    """Read and check a manifest; with sentences on what of it could not be used.

    Raises
    ------
    DamagedError
        If it is not whole.
    ProjectError
        If a newer version of the program made it.
    """
    if len(data) > _LARGEST:
        raise DamagedError("it is far too large")
    try:
        raw = msgspec.json.decode(data, type=dict[str, Any])
        _check_format(raw)
        if raw.pop("checksum", "") not in ("", _checksum(raw)):
            raise DamagedError("its checksum does not fit")
        raw, told = _usable_settings(raw)
        manifest = msgspec.convert(raw, Manifest)
    except (msgspec.MsgspecError, UnicodeError, OverflowError, RecursionError) as error:
        raise DamagedError(str(error)) from error
    _check_names(manifest)
    return manifest, told


def _check_format(raw: dict[str, Any]) -> None:
    number = raw.get("format")
    if not isinstance(number, int):
        raise DamagedError("it does not say its format")
    if number > FORMAT:
        program = str(raw.get("program", ""))[:100] or f"a newer {PROGRAM}"
        raise ProjectError(
            f"This project was saved by {program}, in format {number}; this is {PROGRAM} "
            f"{VERSION}, which knows formats up to {FORMAT}. Update to that version to open it."
        )


def _usable_settings(raw: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Settings that this version does not know must not cost the strokes."""
    try:
        msgspec.convert(raw.get("settings", {}), Settings)
    except msgspec.ValidationError as error:
        kept = {key: value for key, value in raw.items() if key != "settings"}
        return kept, (f"Its settings cannot be used here ({error}), so all are as at first.",)
    return raw, ()


def _check_names(manifest: Manifest) -> None:
    numbers = [image.number for image in manifest.images]
    if len(set(numbers)) < len(numbers):
        raise DamagedError("two images have the same number")
    for image in manifest.images:
        for source in image.layers:
            if source.copy is not None and not _INSIDE.fullmatch(source.copy.path):
                raise DamagedError(f"“{source.copy.path[:80]}” is no name of a file in a project")
            numbers_of_place = (*source.place.scale, *source.place.translate)
            if not all(math.isfinite(number) for number in numbers_of_place):
                raise DamagedError("an image lies nowhere")


def _checksum(plain: dict[str, Any]) -> str:
    """Of what the file says, however it is laid out; a person may edit it and set "" instead."""
    return hashlib.blake2b(msgspec.json.encode(plain, order="sorted"), digest_size=16).hexdigest()
