"""Results as compressed OME-TIFF or OME-Zarr, with axes, pixel size and channels."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_unet.core.calibration import LONG_NAMES, Spacing
from napari_unet.core.files import FileError

OME_TIFF, OME_ZARR = ".tif", ".ome.zarr"
TILE = 512  # px to a side of what is written at once of a large image
_COARSEST = 2048  # px to a side of the coarsest level of one
_CREATOR = "napari-unet"
_CLASSIC = 2**32 - 2**25  # bytes that fit into a TIFF file with 32 bit offsets


def write_image(
    path: Path,
    array: Any,  # noqa: ANN401
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
        NumPy's, or one of zarr, which is then read and written in bands, and as OME-Zarr in
        levels of half the size each.
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
    path: Path,
    array: Any,  # noqa: ANN401
    axes: str,
    spacing: Spacing,
    channels: tuple[str, ...],
) -> None:
    large = not isinstance(array, np.ndarray)
    content = _digest(_bands(array) if large else [array])
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
    nbytes = math.prod(array.shape) * array.dtype.itemsize
    pieces = {"tile": (TILE, TILE), "shape": array.shape, "dtype": array.dtype} if large else {}
    tifffile.imwrite(
        path,
        _tiles(array) if large else array,
        **pieces,
        ome=True,
        metadata=notes,
        compression="zlib",
        photometric="minisblack",
        bigtiff=nbytes > _CLASSIC,
    )


def _digest(parts: Iterable[NDArray[Any]]) -> str:
    total = hashlib.sha256()
    for part in parts:
        total.update(np.ascontiguousarray(part).data)
    return total.hexdigest()


def _bands(array: Any) -> Iterator[NDArray[Any]]:  # noqa: ANN401
    """Rows of an array on disk, as many as a tile is high, plane after plane."""
    for index in np.ndindex(array.shape[:-2]):
        for top in range(0, array.shape[-2], TILE):
            yield array[(*index, slice(top, top + TILE))]


def _tiles(array: Any) -> Iterator[NDArray[Any]]:  # noqa: ANN401
    """The tiles of a TIFF file in their order."""
    for band in _bands(array):
        for left in range(0, array.shape[-1], TILE):
            yield np.ascontiguousarray(band[:, left : left + TILE])


def _write_zarr(
    path: Path,
    array: Any,  # noqa: ANN401
    axes: str,
    spacing: Spacing,
    channels: tuple[str, ...],
) -> None:
    try:
        from bioio_ome_zarr.writers import Channel, OMEZarrWriter
    except ImportError as error:
        raise FileError(
            'OME-Zarr needs a package: type   pip install "napari-unet-live[formats]"   in the '
            "environment of this program, or choose OME-TIFF."
        ) from error
    large = not isinstance(array, np.ndarray)
    shapes = _level_shapes(array.shape) if large else [array.shape]
    steps = [spacing.get(axis, (1.0, "")) for axis in axes]
    writer = OMEZarrWriter(
        store=str(path),
        level_shapes=shapes,
        chunk_shape=[_chunk(shape) for shape in shapes] if large else None,
        dtype=array.dtype,
        zarr_format=2,  # OME-Zarr 0.4: more programs open it than 0.5
        image_name=_CREATOR,
        channels=[Channel(label=name, color="FFFFFF") for name in channels] or None,
        axes_names=[axis.lower() for axis in axes],
        axes_units=[LONG_NAMES.get(unit) for _, unit in steps],
        physical_pixel_size=[step for step, _ in steps],
    )
    from dask import array as da
    from dask import config

    with config.set(scheduler="synchronous"):  # no second pool of threads, and none of a cluster
        if not large:
            writer.write_full_volume(array)
            return
        writer.initialize()
        source = da.from_array(array)
        for level in writer.datasets:
            da.store(source.rechunk(level.chunks), level, lock=False)
            source = da.from_array(level)[..., ::2, ::2]


def _level_shapes(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The shapes of the levels of a large image: each has every other row and column."""
    shapes = [shape]
    while max(shapes[-1][-2:]) > _COARSEST:
        *lengths, height, width = shapes[-1]
        shapes.append((*lengths, -(-height // 2), -(-width // 2)))
    return shapes


def _chunk(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (*[1] * (len(shape) - 2), *(min(TILE, n) for n in shape[-2:]))
