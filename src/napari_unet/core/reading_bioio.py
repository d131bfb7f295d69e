"""The formats of microscopes, read with bioio and its plugins (the extra `formats`)."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.calibration import positive, unit
from napari_unet.core.files import READABLE, FileError, cannot_read
from napari_unet.core.image import is_large
from napari_unet.core.stack import Place, Stack, as_channels

_PIECE = 1 << 24  # px; where more are decoded for each window, the whole plane is read once

# Ends of file names → the package that reads them
PACKAGES = {
    ".zarr": "bioio-ome-zarr", ".czi": "bioio-czi", ".nd2": "bioio-nd2", ".lif": "bioio-lif",
    ".dv": "bioio-dv", ".r3d": "bioio-dv", ".sldy": "bioio-sldy",
    **dict.fromkeys((".lsm", ".oir", ".oib", ".oif", ".vsi", ".ims", ".zvi", ".stk", ".xdce"),
                    "bioio-bioformats"),
    **dict.fromkeys((".bmp", ".gif"), "bioio-imageio"),
}  # fmt: skip
EXTRA = "napari-unet-live[formats]"


def scene_names(path: Path) -> tuple[str, ...]:
    """The names of the images in a file.

    Raises
    ------
    FileError
    """
    image = _opened(path)
    try:
        return tuple(map(str, image.scenes))
    except Exception as error:
        raise cannot_read(path, error) from error


def open_scene(path: Path, scene: int = 0) -> Stack:
    """Open one image of a file; its planes are read when they are asked for.

    Raises
    ------
    FileError
        If it cannot be read; where a package is missing, the message names it.
    """
    image = _opened(path)
    try:
        image.set_scene(scene)
        lengths = dict(zip(image.dims.order, image.dims.shape, strict=True))
        spacing = _spacing(image)
        channels = tuple(map(str, image.channel_names or ()))
    except Exception as error:
        raise cannot_read(path, error) from error
    kept = "".join(a for a in "TZ" if lengths.get(a, 1) > 1) + "YX"
    flat = "CYXS" if "S" in lengths else "CYX"

    @lru_cache(maxsize=4)
    def lazy(time: int, depth: int) -> Any:  # noqa: ANN401
        return image.get_image_dask_data(flat, T=time, Z=depth)

    def cut(place: Place, rows: slice, columns: slice) -> NDArray[Any]:
        try:
            part = lazy(place.get("T", 0), place.get("Z", 0))[:, rows, columns]
            return as_channels(np.asarray(part.compute(scheduler="synchronous")), flat)
        except Exception as error:
            raise cannot_read(path, error) from error

    def take(place: Place) -> NDArray[Any]:
        return cut(place, slice(None), slice(None))

    large = is_large((lengths["Y"], lengths["X"]))
    pieces = not large or _in_pieces(path, lazy)
    shape = tuple(lengths[a] for a in kept)
    return Stack(kept, shape, take, spacing, channels, cut if pieces else None)


def _in_pieces(path: Path, lazy: Callable[[int, int], Any]) -> bool:
    """Whether planes are read in pieces; else each window would have all of one decoded."""
    try:
        return bool(prod(lazy(0, 0).chunksize[1:3]) <= _PIECE)
    except Exception as error:
        raise cannot_read(path, error) from error


def _opened(path: Path) -> Any:  # noqa: ANN401 - bioio is optional and not typed
    if not path.exists():
        raise FileError(f"There is no file {path}: check how it is written.")
    package = PACKAGES.get(path.suffix.lower())
    if package is None:
        raise FileError(
            f"{path} is not an image file that is known here; {READABLE}, and with the package "
            f"{EXTRA} the formats of many microscopes."
        )
    missing = FileError(
        f'{path} needs a package to be read: type   pip install "{EXTRA}" {package}   '
        "in the environment of this program, then start it again."
    )
    try:
        from bioio import BioImage
        from bioio_base.exceptions import UnsupportedFileFormatError
    except ImportError as error:
        raise missing from error
    try:
        return BioImage(path)
    except UnsupportedFileFormatError as error:
        installed = _installed(package)
        raise (cannot_read(path, error) if installed else missing) from error
    except Exception as error:
        raise cannot_read(path, error) from error


def _installed(package: str) -> bool:
    from importlib.util import find_spec

    return find_spec(package.replace("-", "_")) is not None


def _spacing(image: Any) -> dict[str, tuple[float, str]]:  # noqa: ANN401
    units, steps = image.dimension_properties, image.scale
    found = {}
    for axis in "TZYX":
        step = getattr(steps, axis, None)
        if step is None:
            continue
        number = step.total_seconds() if hasattr(step, "total_seconds") else float(step)
        if not positive(number):
            continue
        said = getattr(getattr(units, axis, None), "unit", None)
        if said is not None:
            found[axis] = (number, unit(str(said)))
        elif number != 1:  # plugins that say no unit mean these; 1 is what they say of nothing
            found[axis] = (number, "s" if axis == "T" else "µm")
    return found
