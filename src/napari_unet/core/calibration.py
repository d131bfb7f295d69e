"""What TIFF files say of the size of their pixels and the names of their channels."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isfinite
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
_MICRONS = {2: 25400.0, 3: 10000.0}  # in an inch and in a centimetre, as TIFF numbers units
_SCREENS = (72, 96, 150, 300)  # dots per inch that programs write without having measured


def unit(said: str) -> str:
    """A unit's symbol, however it is written; empty for what is no length and no time."""
    said = said.strip()
    found = _SPELLINGS.get(said, said)
    return found if found in LONG_NAMES else ""


def described(file: tifffile.TiffFile, number: int = 0) -> tuple[Spacing, tuple[str, ...]]:
    """Spacing and names of the channels of an image (a series) in a TIFF file.

    They are OME's or ImageJ's notes; where there are none, the resolution that any TIFF file may
    say, unless it is one that programs make up.
    """
    if file.ome_metadata:
        return _from_ome(tifffile.xml2dict(file.ome_metadata), number)
    if file.imagej_metadata:
        return _from_imagej(file, file.imagej_metadata), ()
    return _from_tags(file.series[number].keyframe), ()


def _from_tags(page: Any) -> Spacing:  # noqa: ANN401
    """Steps in µm from a page's resolution."""
    if mpp := re.search(r"\|MPP = (\d*\.?\d+)", page.description):  # of Aperio's scanners
        return dict.fromkeys("YX", (float(mpp[1]), "µm")) if float(mpp[1]) else {}
    length = _MICRONS.get(page.tags.valueof("ResolutionUnit", 2))
    spacing: dict[str, tuple[float, str]] = {}
    for axis, tag in (("Y", "YResolution"), ("X", "XResolution")):
        per, of = page.tags.valueof(tag, (0, 1))
        if not (length and per and of) or per == of:  # 1 stands for: not known
            continue
        dpi = 25400 * per / of / length
        if all(abs(dpi / usual - 1) > 0.01 for usual in _SCREENS):
            spacing[axis] = (length * of / per, "µm")
    return spacing


def _from_ome(notes: dict[str, Any], number: int) -> tuple[Spacing, tuple[str, ...]]:
    images = notes.get("OME", {}).get("Image", {})
    single = not isinstance(images, list) or number >= len(images)
    image = _first(images if single else images[number])
    pixels = _first(image.get("Pixels", {}))
    spacing = {}
    for axis, key, usual in (
        ("T", "TimeIncrement", "s"),
        *((axis, f"PhysicalSize{axis}", "µm") for axis in "ZYX"),
    ):
        step = pixels.get(key)
        if positive(step):
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
    if positive(step := notes.get("spacing")) and length:
        spacing["Z"] = (step, length)
    if positive(step := notes.get("finterval")):
        spacing["T"] = (step, unit(str(notes.get("tunit", "s"))) or "s")
    return spacing


def _first(found: Any) -> dict[str, Any]:  # noqa: ANN401 - a dict, or a list of them
    first = found[0] if isinstance(found, list) and found else found
    return first if isinstance(first, dict) else {}


def positive(value: object) -> TypeGuard[float]:
    """Whether a file says a step that makes sense."""
    return isinstance(value, (int, float)) and value > 0 and isfinite(value)
