"""Tiles that do not fit into memory are cut into smaller ones."""

from __future__ import annotations

import pytest
import torch

from napari_unet.core.prediction import Predictor
from napari_unet.core.tilewise import MemoryShortError, memory_ran_out, predict
from napari_unet.core.tiling import tiles
from stitching import picture_of, stitched

SHORT = {
    "a GPU": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 3 GiB"),
    "an Apple GPU": RuntimeError("MPS backend out of memory (MPS allocated: 18 GB)"),
    "a CPU": RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
    "Windows": RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried"),
    "numpy": MemoryError(),
}


@pytest.mark.parametrize("error", SHORT.values(), ids=SHORT.keys())
@pytest.mark.parametrize(("shape", "most"), [((50, 50), 60), ((97, 7), 44), ((64, 40), 44)])
def test_short_memory_cuts_tiles_smaller_and_changes_nothing(
    small_net, cpu, monkeypatch, error, shape, most
):
    predictor, picture = Predictor(small_net(1, 2), cpu), picture_of(shape)
    wanted = stitched(predictor, picture, 516)
    predictor.forget("a")
    forward, sizes = predictor.forward, []

    def tight(images):
        if max(images.shape[2:]) > most:
            raise error
        sizes.append(images.shape[2:])
        return forward(images)

    monkeypatch.setattr(predictor, "forward", tight)
    torch.testing.assert_close(stitched(predictor, picture, 516), wanted, rtol=1e-4, atol=1e-5)
    assert len(sizes) > 1


def test_a_real_allocation_that_fails_is_recognised():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 50)
    assert memory_ran_out(caught.value)


def test_when_even_the_smallest_tile_fails_a_sentence_says_what_to_do(small_net, cpu, monkeypatch):
    predictor, picture = Predictor(small_net(1, 2), cpu), picture_of((50, 50))
    sizes = []

    def tight(images):
        sizes.append(max(images.shape[2:]))
        raise torch.OutOfMemoryError("no")

    monkeypatch.setattr(predictor, "forward", tight)
    with pytest.raises(MemoryShortError, match="not even in the smallest tiles: close other"):
        stitched(predictor, picture, 516)
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < 2 * net_input(predictor)
    assert not predictor._cache


def net_input(predictor):
    return predictor.grid.input(1)


def test_other_errors_pass(small_net, cpu):
    predictor, picture = Predictor(small_net(1, 2), cpu), picture_of((50, 50))

    def broken(images):
        raise RuntimeError("the sizes do not match")

    todo = tiles(picture.shape, 516, predictor.grid)
    with pytest.raises(RuntimeError, match="do not match"):
        list(predict(broken, picture, todo, predictor.grid))


def test_tiles_come_one_by_one(small_net, cpu):
    """Between two tiles the session can do something else."""
    predictor, picture = Predictor(small_net(1, 2), cpu), picture_of((50, 50))
    asked = []

    def forward(images):
        asked.append(1)
        return predictor.forward(images)

    todo = tiles(picture.shape, 12, predictor.grid)
    found = predict(forward, picture, todo, predictor.grid)
    assert not asked
    for number, wanted in enumerate(todo[:3], start=1):
        tile, values = next(found)
        assert tile == wanted
        assert values.shape[1:] == tuple(w.stop - w.start for w in tile.write)
        assert len(asked) == number
