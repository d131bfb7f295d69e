"""Results as compressed OME-TIFF or OME-Zarr, with axes, pixel size and channels."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_unet.core.calibration import LONG_NAMES, Spacing
from napari_unet.core.files import FileError

OME_TIFF, OME_ZARR = ".tif", ".ome.zarr"
_CREATOR = "napari-unet"
_CLASSIC = 2**32 - 2**25  # bytes that fit into a TIFF file with 32 bit offsets


def write_image(
    path: Path,
    array: NDArray[Any],
    axes: str,
    spacing: Spacing,
    channels: tuple[str, ...] = (),
    *,
    zarr: bool = False,
) -> None:
    """Write a result; the same input gives the same bytes.

    Parameters
    ----------
    path : Path
        Of the file, or of OME-Zarr's folder. Not yet there.
    array : array with the axes `axes`
    axes : str
        Of T, Z, C, Y, X, in this order; C, Y, X for one plane with channels.
    spacing : axis → step and unit
    channels : names along C
    zarr : bool
        OME-Zarr rather than OME-TIFF.

    Raises
    ------
    FileError
        If a package for OME-Zarr is missing.
    OSError
        If it cannot be written.
    """
    (_write_zarr if zarr else _write_tiff)(path, array, axes, spacing, channels)


def _write_tiff(
    path: Path, array: NDArray[Any], axes: str, spacing: Spacing, channels: tuple[str, ...]
) -> None:
    content = hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()
    notes: dict[str, Any] = {
        "axes": axes,
        "Creator": _CREATOR,
        "UUID": str(uuid5(NAMESPACE_OID, content)),  # tifffile's own would be random
    }
    if channels:
        notes["Channel"] = {"Name": list(channels)}
    for axis, (step, unit) in spacing.items():
        key = "TimeIncrement" if axis == "T" else f"PhysicalSize{axis}"
        notes[key] = step
        if unit:
            notes[f"{key}Unit"] = unit
    tifffile.imwrite(
        path,
        array,
        ome=True,
        metadata=notes,
        compression="zlib",
        photometric="minisblack",
        bigtiff=array.nbytes > _CLASSIC,
    )


def _write_zarr(
    path: Path, array: NDArray[Any], axes: str, spacing: Spacing, channels: tuple[str, ...]
) -> None:
    try:
        from bioio_ome_zarr.writers import Channel, OMEZarrWriter
    except ImportError as error:
        raise FileError(
            'OME-Zarr needs a package: type   pip install "napari-unet-live[formats]"   in the '
            "environment of this program, or choose OME-TIFF."
        ) from error
    steps = [spacing.get(axis, (1.0, "")) for axis in axes]
    writer = OMEZarrWriter(
        store=str(path),
        level_shapes=array.shape,
        dtype=array.dtype,
        zarr_format=2,  # OME-Zarr 0.4: more programs open it than 0.5
        image_name=_CREATOR,
        channels=[Channel(label=name, color="FFFFFF") for name in channels] or None,
        axes_names=[axis.lower() for axis in axes],
        axes_units=[LONG_NAMES.get(unit) for _, unit in steps],
        physical_pixel_size=[step for step, _ in steps],
    )
    writer.write_full_volume(array)
