"""The part of the open image that a package shows and is tested with."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.image import ImageError
from napari_unet.widgets.binding import Binding
from napari_unet.widgets.pixels import pixels_of
from napari_unet.widgets.regions import Region

_SIDE = 1024  # px; the export takes the middle 256 px and what the network sees around them


def sample_part(active: Binding | None) -> NDArray[Any]:
    """The middle of the plane in view: (Y, X) or (Y, X, 3), a copy.

    Raises
    ------
    ImageError
        If there is none, with a sentence that says what to do.
    """
    if active is None:
        raise ImageError("no image is open to show a part of. Choose one, or leave the tick out.")
    pixels = pixels_of(active.images, Region(active.strokes.current))
    starts = [max(n - _SIDE, 0) // 2 for n in pixels.shape]
    stops = [min(start + _SIDE, n) for start, n in zip(starts, pixels.shape, strict=True)]
    part = pixels.read((*starts, *stops))
    if len(part) not in (1, 3):
        raise ImageError(
            f"the open image has {len(part)} channels, and only grey and colour images can be "
            "shown. Leave the tick out."
        )
    return np.array(part[0] if len(part) == 1 else np.moveaxis(part, 0, -1))
