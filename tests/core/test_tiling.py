from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from napari_unet.core import tiling
from napari_unet.core.image import read_mirrored
from napari_unet.core.tiling import Grid, Tile, axis_tiles, nearest_first, overlaps, tiles
from napari_unet.core.unet import UNet

PAPER = Grid(margin=92, stride=16)
grids = st.integers(0, 5).map(lambda depth: Grid(margin=6 * 2**depth - 4, stride=2**depth))
shapes = st.one_of(
    st.lists(st.integers(1, 70), min_size=2, max_size=2),
    st.lists(st.integers(1, 40), min_size=3, max_size=3),
)
outputs = st.integers(1, 60)


def check_tiles(shape: tuple[int, ...], output: int, grid: Grid) -> None:
    """The contract of `tiles`, for one image."""
    written = np.zeros(shape, np.uint8)
    for tile in tiles(shape, output, grid):
        written[tile.write] += 1
        for write, read, length in zip(tile.write, tile.read, shape, strict=True):
            assert 0 <= write.start < write.stop <= length
            assert write.start % grid.stride == 0
            assert read.start == write.start - grid.margin
            assert read.stop >= write.stop + grid.margin
            size = read.stop - read.start
            assert size == grid.input(size - 2 * grid.margin)  # the network accepts it
    assert (written == 1).all()


@settings(deadline=None)
@given(shapes, outputs, grids)
def test_writes_partition_the_image_and_reads_hold_the_margin(shape, output, grid):
    check_tiles(tuple(shape), output, grid)


@pytest.mark.parametrize("shape", [(1, 1), (1, 997), (13, 5000), (4099, 1), (521, 787)])
@pytest.mark.parametrize("output", [1, 388, 6000])
def test_awkward_shapes(shape, output):
    check_tiles(shape, output, PAPER)


def test_three_axes_of_awkward_length():
    check_tiles((1, 53, 101), 40, Grid(margin=20, stride=4))


@settings(deadline=None)
@given(st.integers(1, 10_000), grids)
def test_inputs_are_the_smallest_that_cover(length, grid):
    cover = grid.cover(length)
    assert length <= cover < max(length, 4) + grid.stride
    assert grid.cover(cover) == cover
    assert cover % grid.stride == 4 % grid.stride
    assert grid.input(length) == cover + 2 * grid.margin


@settings(deadline=None)
@given(st.integers(1, 200), st.integers(0, 4))
def test_reads_are_inputs_that_the_network_takes(length, depth):
    with torch.device("meta"):
        net = UNet(1, 2, width=1, depth=depth)
        size = net.grid.input(length)
        assert net(torch.empty(1, 1, size, size)).shape[2:] == (net.grid.cover(length),) * 2


def test_paper_tiles_step_by_384():
    first, second, *_ = axis_tiles(1000, 388, PAPER)
    assert first == (slice(0, 384), slice(-92, 480))
    assert second == (slice(384, 768), slice(292, 864))
    assert PAPER.input(384) == 572


def test_no_pixels_are_refused():
    with pytest.raises(ValueError, match=r"\(5, 0\) has no pixels"):
        tiles((5, 0), 10, PAPER)


@settings(deadline=None)
@given(shapes, outputs, grids, st.data())
def test_nearest_first_is_a_permutation_by_distance(shape, output, grid, data):
    todo = tiles(shape, max(output, 8), grid)
    point = data.draw(st.tuples(*[st.floats(-50, 150) for _ in shape]))
    order = nearest_first(todo, point)
    assert sorted(map(repr, order)) == sorted(map(repr, todo))
    away = [sum((c - p) ** 2 for c, p in zip(t.centre, point, strict=True)) for t in order]
    assert away == sorted(away)


@settings(deadline=None)
@given(st.lists(st.integers(1, 40), min_size=2, max_size=2), st.data())
def test_overlaps_means_that_pixels_are_shared(shape, data):
    window = tuple(
        slice(start, data.draw(st.integers(start + 1, 60)))
        for start in (data.draw(st.integers(0, 50)) for _ in shape)
    )
    seen = np.zeros((100, 100), bool)
    seen[window] = True
    for tile in tiles(shape, 16, Grid(margin=20, stride=4)):
        assert overlaps(tile, window) == seen[tile.write].any()


def test_crop_and_centre():
    tile = Tile(write=(slice(16, 20), slice(0, 7)), read=(slice(-4, 40), slice(-20, 27)))
    assert tile.crop == (slice(0, 4), slice(0, 7))
    assert tile.centre == (17.5, 3)


def test_tiles_can_be_keys():
    first, again = (tiles((40, 40), 16, PAPER) for _ in range(2))
    assert len({*first, *again}) == len(first) > 1


def test_moved_and_within_undo_each_other():
    outer, inner = (tiles((40, 40), size, PAPER)[-1] for size in (32, 16))
    moved = inner.moved([w.start for w in outer.write])
    assert moved.within(outer) == inner.write
    assert [r.start - w.start for w, r in zip(moved.write, moved.read, strict=True)] == [-92, -92]


# -- tiled prediction is whole-image prediction --------------------------------------------


def network(depth: int, *, axes: int = 2, norm: bool = False) -> UNet:
    """A random network; batch norm as it is at prediction: frozen."""
    torch.manual_seed(depth)
    net = UNet(2, 3, width=3, depth=depth, axes=axes, norm=norm).eval()
    for module in net.modules():
        if isinstance(module, (nn.BatchNorm2d, nn.BatchNorm3d)):
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2)
    return net


def predicted(forward: Callable, image: np.ndarray, todo: list[Tile]) -> np.ndarray:
    """Logits of an image (C, *spatial), put together from tiles."""
    result = np.full((3, *image.shape[1:]), np.nan, np.float32)
    with torch.inference_mode():
        for tile in todo:
            read = torch.from_numpy(np.ascontiguousarray(read_mirrored(image, tile.read)))
            result[(slice(None), *tile.write)] = forward(read[None])[0].numpy()[
                (slice(None), *tile.crop)
            ]
    return result


def seam(forward: Callable, image: np.ndarray, output: int, grid: Grid) -> float:
    """Largest difference of tiled and whole-image logits, relative to the largest logit."""
    shape = image.shape[1:]
    (all_at_once,) = tiles(shape, max(shape) + grid.stride, grid)
    whole = predicted(forward, image, [all_at_once])
    return float(np.abs(predicted(forward, image, tiles(shape, output, grid)) - whole).max()) / (
        float(np.abs(whole).max())
    )


def random_image(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((2, *shape)).astype(np.float32)


@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("depth", [1, 2, 3, 4])
@pytest.mark.parametrize("shape", [(1, 1), (1, 67), (37, 101), (64, 65)])
def test_tiled_equals_whole(depth, norm, shape):
    net = network(depth, norm=norm)
    image = random_image(*shape)
    for output in (1, 20, 37):
        if output >= 20 or depth > 2:  # 1 px tiles of a shallow network are very many
            assert seam(net, image, output, net.grid) < 1e-4
    if norm:
        assert seam(net.folded(), image, 32, net.grid) < 1e-4


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 3),
    st.tuples(st.integers(1, 60), st.integers(1, 60)),
    st.integers(8, 50),
)
def test_tiled_equals_whole_for_any_shape(depth, shape, output):
    net = network(depth, norm=True).folded()
    assert seam(net, random_image(*shape), output, net.grid) < 1e-4


def test_tiled_equals_whole_in_three_axes():
    net = network(1, axes=3, norm=True)
    assert seam(net, random_image(5, 11, 17), 8, net.grid) < 1e-4


def test_long_thin_image():
    net = network(2)
    assert seam(net, random_image(3, 1200), 200, net.grid) < 1e-4


def test_paper_sized_tiles():
    net = network(4)
    image = random_image(3, 450)
    assert seam(net, image, 388, net.grid) < 1e-4


def test_a_step_of_388_would_make_seams(monkeypatch):
    """The paper's outputs laid side by side: the pooling grid shifts, and these tests see it."""
    monkeypatch.setattr(tiling.Grid, "step", lambda _, output: output)
    net = network(4)
    assert seam(net, random_image(3, 450), 388, net.grid) > 1e-2


def test_statistics_of_the_tile_would_make_seams():
    net = network(2, norm=True).train()
    net.dropout.p = 0
    assert seam(net, random_image(37, 101), 20, net.grid) > 1e-2


def test_a_smaller_margin_would_make_seams():
    net = network(2)

    def short_sighted(x: torch.Tensor) -> torch.Tensor:
        blind = x.clone()
        blind[..., :1], blind[..., -1:] = 0, 0
        return net(blind)

    assert seam(short_sighted, random_image(37, 101), 20, net.grid) > 1e-3
