"""Work done tile by tile; where memory runs out, in smaller tiles, with the same results."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import torch
from torch import Tensor

from napari_unet.core.image import Picture
from napari_unet.core.tiling import Grid, Tile, per_axis, tiles

_RAN_OUT = ("can't allocate memory", "not enough memory", "out of memory")

_log = logging.getLogger(__name__)
Forward: TypeAlias = Callable[[Tensor], Tensor]


class MemoryShortError(MemoryError):
    """Even the smallest tile does not fit into memory; the message says what to do."""


def predict(
    forward: Forward, picture: Picture, todo: Sequence[Tile], grid: Grid | Sequence[Grid]
) -> Iterator[tuple[Tile, Tensor]]:
    """Yield each tile with what `forward` makes of it, cropped to its write window.

    Where memory runs out, the tile is cut into smaller ones: the results are the same.

    Parameters
    ----------
    forward : (1, C, *input) -> (1, D, *output)
    picture : Picture
    todo : sequence of Tile
    grid : Grid, or a sequence of one for each axis
        Of the network behind `forward`.

    Raises
    ------
    MemoryShortError
        If a tile of one stride is still too large.
    """
    for tile in todo:
        try:
            image = torch.from_numpy(picture.read(tile.read))[None]
            output = forward(image)[0][(slice(None), *tile.crop)]
        except (RuntimeError, MemoryError) as error:
            if not memory_ran_out(error):
                raise
            parts = _smaller(tile, per_axis(grid, len(tile.write)))
            _log.warning("memory ran out: a tile is cut into %d smaller ones", len(parts))
            if not parts:
                raise MemoryShortError(
                    "The image does not fit into memory, not even in the smallest tiles: "
                    "close other programs, or choose the device cpu."
                ) from None
        else:
            yield tile, output
            continue
        yield from predict(forward, picture, parts, grid)


def memory_ran_out(error: RuntimeError | MemoryError) -> bool:
    """CUDA has a type of error for it; the allocators of CPU and MPS only say it in words."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return any(words in str(error) for words in _RAN_OUT)


def _smaller(tile: Tile, grids: Sequence[Grid]) -> list[Tile]:
    """The tile's write window cut in halves along each axis, on the pooling grid."""
    lengths = [w.stop - w.start for w in tile.write]
    longest = max((n for n, g in zip(lengths, grids, strict=True) if n > g.stride), default=0)
    if not longest:
        return []
    origin = [w.start for w in tile.write]
    return [t.moved(origin) for t in tiles(lengths, longest // 2, grids)]
