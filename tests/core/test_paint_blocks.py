from __future__ import annotations

import numpy as np
import pytest

from napari_unet.core.paint_blocks import BLOCK, cut


def test_only_blocks_that_hold_paint_exist():
    paint = np.zeros((2 * BLOCK + 9, BLOCK + 5), np.uint8)
    paint[3, 3], paint[-1, -1] = 1, 2
    first, last = cut(paint, ())
    assert (first.y, first.x, first.values.shape) == (0, 0, (BLOCK, BLOCK))
    assert (last.y, last.x, last.values.shape) == (2 * BLOCK, BLOCK, (9, 5))
    assert last.values[-1, -1] == 2


def test_what_did_not_change_is_shared():
    paint = np.zeros((BLOCK, 2 * BLOCK), np.uint8)
    paint[0, 0] = paint[0, -1] = 1
    before = cut(paint, ())
    paint[0, 0] = 2
    after = cut(paint, before)
    assert after[1] is before[1]
    assert (before[0].values[0, 0], after[0].values[0, 0]) == (1, 2)


def test_blocks_are_copies_that_cannot_be_written():
    paint = np.ones((4, 4), np.int32)
    (block,) = cut(paint, ())
    paint[:] = 9
    assert block.values.dtype == np.uint8
    assert (block.values == 1).all()
    with pytest.raises(ValueError, match="read-only"):
        block.values[0, 0] = 3


def test_a_part_lies_where_it_is_said_to():
    (block,) = cut(np.ones((4, 4), np.uint8), (), BLOCK, 2 * BLOCK, 7)
    assert block.place == (7, BLOCK, 2 * BLOCK)
