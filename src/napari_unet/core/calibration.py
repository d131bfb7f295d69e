"""What TIFF files say of the size of their pixels and the names of their channels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias, TypeGuard

import tifffile

Spacing: TypeAlias = Mapping[str, tuple[float, str]]  # axis → length of a step and its unit

# How units are written in OME-TIFF, and in OME-Zarr and napari
LONG_NAMES = {
    "nm": "nanometer", "µm": "micrometer", "mm": "millimeter", "cm": "centimeter", "m": "meter",
    "ms": "millisecond", "s": "second", "min": "minute", "h": "hour",
}  # fmt: skip
_SPELLINGS = {long: short for short, long in LONG_NAMES.items()} | dict.fromkeys(
    ("um", "micron", "microns", "micrometre", "μm", "\\u00B5m"), "µm"
)


def unit(said: str) -> str:
    """A unit's symbol, however it is written; empty for what is no length and no time."""
    said = said.strip()
    found = _SPELLINGS.get(said, said)
    return found if found in LONG_NAMES else ""


def described(file: tifffile.TiffFile) -> tuple[Spacing, tuple[str, ...]]:
    """Spacing and names of the channels, from OME's or ImageJ's notes in a TIFF file."""
    if file.ome_metadata:
        return _from_ome(tifffile.xml2dict(file.ome_metadata))
    if file.imagej_metadata:
        return _from_imagej(file, file.imagej_metadata), ()
    return {}, ()


def _from_ome(notes: dict[str, Any]) -> tuple[Spacing, tuple[str, ...]]:
    image = _first(notes.get("OME", {}).get("Image", {}))
    pixels = _first(image.get("Pixels", {}))
    spacing = {}
    for axis, key, usual in (
        ("T", "TimeIncrement", "s"),
        *((axis, f"PhysicalSize{axis}", "µm") for axis in "ZYX"),
    ):
        step = pixels.get(key)
        if _positive(step):
            spacing[axis] = (step, unit(str(pixels.get(f"{key}Unit", usual))))
    channels = pixels.get("Channel", [])
    names = [c.get("Name", "") for c in (channels if isinstance(channels, list) else [channels])]
    return spacing, tuple(map(str, names)) if all(names) else ()


def _from_imagej(file: tifffile.TiffFile, notes: dict[str, Any]) -> Spacing:
    spacing = {}
    length = unit(str(notes.get("unit", "")))
    for axis, tag in (("Y", "YResolution"), ("X", "XResolution")):
        per, of = file.pages.first.tags.valueof(tag, (0, 1))
        if per and of and length:
            spacing[axis] = (of / per, length)
    if _positive(step := notes.get("spacing")) and length:
        spacing["Z"] = (step, length)
    if _positive(step := notes.get("finterval")):
        spacing["T"] = (step, unit(str(notes.get("tunit", "s"))) or "s")
    return spacing


def _first(found: Any) -> dict[str, Any]:  # noqa: ANN401 - a dict, or a list of them
    first = found[0] if isinstance(found, list) and found else found
    return first if isinstance(first, dict) else {}


def _positive(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and value > 0
