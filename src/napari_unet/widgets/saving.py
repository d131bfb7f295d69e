"""*File > Save Selected Layers* for class maps: as OME-Zarr, which a large one is already."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from napari_unet.widgets.pyramid import folder_of, on_disk, write


def write_labels(path: str, data: Any, attributes: Mapping[str, Any]) -> list[str]:  # noqa: ANN401
    """Save a Labels layer of classes 0…255 as an OME-Zarr image with levels.

    Parameters
    ----------
    path : str
        Of the new folder, ending in .zarr.
    data : (…, Y, X) integers, or levels of them
    attributes : mapping
        Of the layer; its scale is kept.

    Returns
    -------
    list of str
        What was written; nothing where the layer holds no class map.

    Raises
    ------
    FileExistsError
        If there is something at `path` that is no folder of this kind.
    """
    target, levels = Path(path), data if isinstance(data, np.ndarray) else list(data)
    folder = folder_of(levels)
    if folder is None:
        finest = levels if isinstance(levels, np.ndarray) else np.asarray(levels[0])
        if finest.size and (finest.min() < 0 or finest.max() > np.iinfo(np.uint8).max):
            return []
        made = on_disk(finest.shape, attributes.get("scale") or [1.0] * finest.ndim)
        for index in np.ndindex(finest.shape[:-2]):
            write(made, index, 0, 0, finest[index].astype(np.uint8))
        folder = folder_of(made)
        assert folder is not None  # noqa: S101 - it was just made
    if target.exists():
        if not (target / ".zgroup").exists():
            raise FileExistsError(f"{target} is something else: choose another name.")
        shutil.rmtree(target)
    shutil.copytree(folder, target)
    return [str(target)]
