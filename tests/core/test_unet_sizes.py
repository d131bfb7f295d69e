from __future__ import annotations

import pytest

from napari_unet.core.unet_sizes import Sized


class Size(Sized):
    """Looks across with both convolutions of a level, as a network does."""

    @property
    def reach(self):
        return 2 * self.across


def sized(depth, *, shrink=1, axes=2, across=0):
    net = Size()
    net.depth, net.shrink, net.axes, net.across = depth, shrink, axes, across
    return net


def test_valid_inputs_are_12_mod_16_from_188():
    valid = {sized(4).valid_input_size((n,))[0] for n in range(1, 200)}
    assert min(valid) == 188
    assert all(n % 16 == 12 for n in valid)


def test_the_paper_s_tile():
    assert sized(4).output_size((572, 572)) == (388, 388)
    assert (sized(4).margin, sized(4).stride) == (92, 16)


@pytest.mark.parametrize("shrink", [1, 2])
def test_a_valid_input_covers_what_is_asked_for_and_hardly_more(shrink):
    net = sized(3, shrink=shrink)
    for n in range(1, 90):
        out = net.output_size(net.valid_input_size((n, n)))
        assert all(n <= o < n + net.stride for o in out)


def test_slices_are_not_pooled():
    net = sized(2, axes=3, across=2)
    assert net.grids[0].stride == 1
    assert net.grids[0].margin == 4
    assert net.grids[1:] == (net.grid, net.grid)
    assert net.in_plane(2) == (1, 2, 2)
    assert sized(2, axes=3).grids == (sized(2, axes=3).grid,) * 3
