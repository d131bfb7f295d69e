from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_unet.core import prediction as module
from napari_unet.core.device import Device
from napari_unet.core.image import Picture, read_mirrored
from napari_unet.core.prediction import Predictor, logits
from napari_unet.core.uncertainty import certainty
from stitching import picture_of, stitched


def at_once(net, picture):
    """The network's own answer to the whole mirrored image, without tiles, folding or crops."""
    window = tuple(
        slice(-net.margin, net.valid_input_size((n,))[0] - net.margin) for n in picture.shape
    )
    image = picture.normalisation.apply(read_mirrored(picture.raw, window))
    with torch.inference_mode():
        found = net.eval().features(torch.from_numpy(image)[None])[0]
    return found[:, : picture.shape[0], : picture.shape[1]]


# -- tiles -----------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(61, 83), (1, 1), (3, 97), (64, 64), (20, 19)])
@pytest.mark.parametrize("output", [4, 22, 516])
@pytest.mark.parametrize("norm", [True, False])
def test_tiled_equals_whole(small_net, cpu, shape, output, norm):
    net = small_net(2, 3, norm=norm)
    picture = (
        picture_of(shape, 2)
        if shape != (1, 1)
        else Picture(np.ones((2, 1, 1)), picture_of((9, 9), 2).normalisation)
    )
    found = stitched(Predictor(net, cpu), picture, output)
    torch.testing.assert_close(found, at_once(net, picture), rtol=1e-4, atol=1e-5)


def test_labels_and_probabilities_are_those_of_the_network(small_net, cpu):
    net, picture = small_net(1, 5), picture_of((30, 30))
    with torch.no_grad():
        net.head.bias.normal_()
    predictor = Predictor(net, cpu)
    (tile,) = predictor.tiles(picture)
    features = predictor.features("a", picture, tile)
    with torch.inference_mode():
        wanted = net.head(at_once(net, picture)[None])[0]
    labels, p = predictor.labels(features), predictor.probabilities(features)
    torch.testing.assert_close(p, wanted.softmax(0), rtol=1e-4, atol=1e-5)
    assert np.array_equal(labels, wanted.argmax(0).numpy() + 1)
    assert labels.dtype == np.uint8
    assert labels.min() >= 1
    assert labels.max() <= 5
    torch.testing.assert_close(p.sum(0), torch.ones(30, 30))


def test_255_classes_fit_into_a_byte(small_net, cpu):
    predictor = Predictor(small_net(1, 255), cpu)
    weight, bias = torch.zeros(255, 4), torch.zeros(255)
    bias[254] = 1
    predictor.set_head(weight, bias)
    assert (predictor.labels(torch.zeros(4, 3, 3)) == 255).all()


def test_the_head_is_computed_in_full_precision():
    features = torch.randn(4, 5, 6).bfloat16()
    weight, bias = torch.randn(3, 4), torch.randn(3)
    wanted = torch.einsum("kd,dyx->kyx", weight, features.float()) + bias[:, None, None]
    torch.testing.assert_close(logits(features, weight, bias), wanted)


def test_half_precision_says_nearly_the_same(small_net, cpu):
    net, picture = small_net(1, 2), picture_of((40, 40))
    exact = stitched(Predictor(net, cpu), picture, 516)
    rough = stitched(Predictor(net, Device("cpu", torch.bfloat16, 1)), picture, 516)
    assert (rough - exact).abs().mean() < 0.05 * exact.abs().mean()


def test_later_training_does_not_change_a_predictor(small_net, cpu):
    net, picture = small_net(1, 2), picture_of((20, 20))
    predictor = Predictor(net, cpu)
    before = stitched(predictor, picture, 516)
    with torch.no_grad():
        for p in net.parameters():
            p.add_(1)
    predictor.forget("a")
    assert torch.equal(stitched(predictor, picture, 516), before)
    assert all(p.requires_grad for p in net.parameters())


def test_set_head_changes_what_cached_features_say(small_net, cpu):
    predictor, picture = Predictor(small_net(1, 2), cpu), picture_of((20, 20))
    (tile,) = predictor.tiles(picture)
    for winner in (0, 1):
        predictor.set_head(torch.zeros(2, 4), torch.eye(2)[winner])
        assert (predictor.labels(predictor.features("a", picture, tile)) == winner + 1).all()


def test_a_snapshot_keeps_its_head(small_net, cpu):
    """A job that runs over many tiles must not change its mind in the middle."""
    predictor, picture = Predictor(small_net(1, 2), cpu), picture_of((20, 20))
    (tile,) = predictor.tiles(picture)
    before = predictor.labels(predictor.features("a", picture, tile))
    kept = predictor.snapshot()
    predictor.set_head(torch.zeros(2, 4), torch.tensor([0.0, 1.0]))
    assert np.array_equal(kept.labels(kept.features("a", picture, tile)), before)
    kept.forget("a")
    assert predictor._cached_bytes > 0


# -- whole images ----------------------------------------------------------------------------


def segmented(predictor, picture, *, mirrored):
    whole = np.zeros(picture.shape, np.uint8)
    for tile, labels in predictor.segment(picture, mirrored=mirrored):
        assert not whole[tile.write].any()
        whole[tile.write] = labels
    return whole


@pytest.fixture
def tiled(monkeypatch):
    """Predictors whose tiles are small."""
    make = Predictor.tiles
    monkeypatch.setattr(
        Predictor,
        "tiles",
        lambda self, picture, size=22, within=None: make(self, picture, size, within),
    )


@pytest.mark.parametrize("shape", [(61, 83), (64, 40), (13, 5)])
def test_mirroring_is_the_mean_over_the_mirrored_network(small_net, cpu, tiled, shape):
    """By hand: the whole image at once, through the network and its three mirror images."""
    net, picture = small_net(1, 3), picture_of(shape)
    size = net.valid_input_size(shape)
    window = tuple(slice(-net.margin, n - net.margin) for n in size)
    image = torch.from_numpy(picture.read(window))[None]
    with torch.inference_mode():
        net.eval()
        p = [net(image.flip(a)).softmax(1).flip(a)[0] for a in ([], [2], [3], [2, 3])]
    mean = sum(p)[:, : shape[0], : shape[1]]
    predictor = Predictor(net, cpu)
    for wanted, mirrored in ((mean, True), (p[0][:, : shape[0], : shape[1]], False)):
        found = segmented(predictor, picture, mirrored=mirrored)
        first, second = wanted.topk(2, 0).values
        sure = (first - second > 1e-4).numpy()
        assert sure.mean() > 0.9
        assert np.array_equal(found[sure], (wanted.argmax(0).numpy() + 1)[sure])
    assert not predictor._cache


def test_the_papers_network_is_averaged_over_seven_orientations(small_net, cpu, tiled):
    """By hand: turned and flipped images, one after the other; not the image as it lies."""
    net, shape = small_net(1, 3, norm=False), (61, 83)
    picture = picture_of(shape)
    window = tuple(slice(-net.margin, n - net.margin) for n in net.valid_input_size(shape))
    image = torch.from_numpy(picture.read(window))[None]
    total = 0
    with torch.inference_mode():
        net.eval()
        for turns in range(4):
            for flip in ([], [3]):
                if turns or flip:
                    found = net(image.flip(flip).rot90(turns, (2, 3))).softmax(1)
                    total = total + found.rot90(-turns, (2, 3)).flip(flip)[0]
    wanted = total[:, : shape[0], : shape[1]] / 7
    predictor = Predictor(net, cpu)
    for tile, found in predictor.mean(picture, predictor.tiles(picture), mirrored=True):
        torch.testing.assert_close(found, wanted[(slice(None), *tile.write)], rtol=0, atol=1e-4)


def test_a_mirrored_image_gets_mirrored_labels(small_net, cpu, tiled):
    picture = picture_of((64, 44))
    flipped = Picture(picture.raw[:, ::-1, ::-1], picture.normalisation)
    predictor = Predictor(small_net(1, 2), cpu)
    said = stitched(predictor, picture, 516)
    middle = torch.einsum("kd,dyx->kyx", predictor.weight, said).flatten(1).median(1).values
    predictor.set_head(predictor.weight, -middle)  # so that both classes are predicted
    one, two = (segmented(predictor, p, mirrored=True) for p in (picture, flipped))
    assert (one == two[::-1, ::-1]).mean() > 0.999
    plain = segmented(predictor, flipped, mirrored=False)
    assert (one == plain[::-1, ::-1]).mean() < 0.999


# -- the cache -------------------------------------------------------------------------------


@pytest.fixture
def counted(small_net, cpu, monkeypatch):
    """A predictor that counts how often its network is asked."""
    predictor = Predictor(small_net(1, 2), cpu)
    predictor.asked = 0
    forward = predictor.forward

    def count(images):
        predictor.asked += 1
        return forward(images)

    predictor.forward = count
    return predictor


def test_what_was_predicted_is_remembered(counted):
    picture = picture_of((30, 30))
    first = stitched(counted, picture, 12)
    asked = counted.asked
    assert torch.equal(stitched(counted, picture, 12), first)
    assert counted.asked == asked == 9


def test_planes_are_kept_apart_and_forgotten_one_by_one(counted):
    one, two = picture_of((20, 20)), picture_of((20, 20), seed=1)
    (tile,) = counted.tiles(one)
    a, b = counted.features("a", one, tile), counted.features("b", two, tile)
    assert not torch.equal(a, b)
    counted.forget("a")
    assert torch.equal(counted.features("b", two, tile), b)
    assert counted.asked == 2
    assert torch.equal(counted.features("a", two, tile), b)  # the plane's pixels were replaced
    assert counted.asked == 3


def test_the_cache_is_bounded_and_drops_what_was_not_used_for_longest(counted, monkeypatch):
    picture = picture_of((40, 8))
    todo = counted.tiles(picture, 8)
    one = counted.features("a", picture, todo[0]).nbytes
    counted.forget("a")
    monkeypatch.setattr(module, "_CACHE_BYTES", 3 * one)
    for tile in todo[:3]:
        counted.features("a", picture, tile)
    asked = counted.asked
    counted.features("a", picture, todo[0])  # used again: now the second is the oldest
    counted.features("a", picture, todo[3])
    assert counted._cached_bytes <= 3 * one
    counted.features("a", picture, todo[0])
    assert counted.asked == asked + 1
    counted.features("a", picture, todo[1])
    assert counted.asked == asked + 2


def test_a_tile_larger_than_the_cache_is_still_predicted(counted, monkeypatch):
    monkeypatch.setattr(module, "_CACHE_BYTES", 1)
    picture = picture_of((30, 30))
    assert torch.isfinite(stitched(counted, picture, 12)).all()
    assert len(counted._cache) == 1


def test_forgetting_frees_the_memory(counted):
    stitched(counted, picture_of((30, 30)), 12)
    assert counted._cached_bytes == sum(v.nbytes for v in counted._cache.values()) > 0
    counted.forget("a")
    assert (counted._cached_bytes, len(counted._cache)) == (0, 0)
    counted.forget("never there")


@pytest.mark.parametrize("classes", [2, 3, 255])
def test_the_first_of_the_most_probable_classes(classes):
    values = torch.from_numpy(np.random.default_rng(0).integers(0, 4, (classes, 9, 13)))
    found = module.most_probable(values.float())
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, values.numpy().argmax(0) + 1)  # NumPy takes the first


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_how_certain_the_most_probable_classes_are(dtype):
    shares = torch.rand((3, 9, 13), generator=torch.Generator().manual_seed(0)) * 1.2 - 0.1
    shares = shares.to(dtype)
    shares[1, :3] = shares[0, :3]
    labels, sure = module.how_certain(shares)
    assert labels.dtype == sure.dtype == np.uint8
    np.testing.assert_array_equal(labels, module.most_probable(shares))
    np.testing.assert_array_equal(sure, certainty(shares.float().numpy()))
