from __future__ import annotations

import msgspec
import numpy as np
import pytest
import torch

from napari_unet.core.holdout import Split
from napari_unet.core.image import Picture
from napari_unet.core.patches import Patches, read_picture
from napari_unet.core.settings import Augmentation, Settings, changed
from napari_unet.core.unet import UNet
from napari_unet.core.weighting import border_weights, class_weights

NET = UNet(1, 3, width=2, depth=2)
GRID = NET.grid
STILL = Augmentation(
    rotation=False, flip=False, scale=1, elastic=0, contrast=0, brightness=0, noise=0
)


def settings_of(augmentation=STILL, network="compact", **training):
    settings = changed(
        Settings(), "training", **{"batch": 6, "patch": 20, "agreement": 0, **training}
    )
    settings = changed(settings, "network", preset=network)
    return msgspec.structs.replace(settings, augmentation=augmentation)


def patches_of(paint, raw=None, held=None, settings=None):
    held = np.zeros(paint.shape, bool) if held is None else held
    if raw is None:
        raw = np.random.default_rng(0).normal(size=(1, *paint.shape))
    return Patches(
        {"a": Picture.of(raw)}, {"a": Split(paint, held)}, settings or settings_of(), NET
    )


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def paint():
    paint = np.zeros((50, 60), np.uint8)
    paint[8, 5:50] = 1
    paint[30:33, 30:33] = 2
    paint[40, 10] = 3
    return paint


def test_sizes_and_types_of_a_batch(paint, cpu):
    batch = patches_of(paint, np.random.default_rng(0).normal(size=(3, 50, 60))).draw(seeded(), cpu)
    assert batch.images.shape == (6, 3, 60, 60)
    assert batch.labels.shape == batch.weights.shape == (6, 20, 20)
    assert batch.images.dtype == batch.weights.dtype == torch.float32
    assert batch.labels.dtype == torch.int64


@pytest.mark.parametrize(("asked", "given"), [(4, 4), (5, 8), (20, 20), (21, 24), (150, 152)])
def test_any_patch_size_grows_to_one_that_the_network_accepts(paint, cpu, asked, given):
    batch = patches_of(paint, settings=settings_of(patch=asked, batch=1)).draw(seeded(), cpu)
    assert batch.labels.shape == (1, given, given)
    assert batch.images.shape == (1, 1, given + 40, given + 40)


def test_the_paper_trains_on_one_large_tile(paint, cpu):
    batch = patches_of(paint, settings=settings_of(network="paper")).draw(seeded(), cpu)
    assert batch.labels.shape == (1, 388, 388)


def test_a_patch_is_the_image_around_its_labels(paint, cpu):
    """Without variation, pixels, labels and weights of a patch lie where they lie in the image."""
    raw = np.indices(paint.shape).astype(float)  # each pixel says where it is
    scale = Picture.of(raw).normalisation
    weights = class_weights(np.bincount(paint.ravel(), minlength=256) * (np.arange(256) > 0))
    weights = weights[paint] + border_weights(paint, 10, 5)
    batch = patches_of(paint, raw).draw(seeded(), cpu)
    for image, labels, weight in zip(batch.images, batch.labels, batch.weights, strict=True):
        inner = image[:, 20:-20, 20:-20].movedim(0, -1).numpy()
        places = inner * scale.deviation + scale.mean
        sure = (np.abs(places % 1 - 0.5) > 0.01).all(-1)  # not halfway between two pixels
        y, x = places.round().astype(int).clip(0, (49, 59))[sure].T
        inside = (places[sure] > 0.01).all(1) & (places[sure] < (48.99, 58.99)).all(1)
        assert inside.sum() > 100
        assert np.array_equal(labels.numpy()[sure][inside], paint[y, x][inside])
        np.testing.assert_allclose(weight.numpy()[sure][inside], weights[y, x][inside], rtol=1e-6)


def test_every_class_gets_its_turn_however_rare(paint, cpu):
    """Three pixels in four hundred are class 3, yet a third of the patches lie around it."""
    patches = patches_of(paint)
    generator, seen = seeded(), np.zeros(4)
    for _ in range(20):
        for labels in patches.draw(generator, cpu).labels:
            for number in labels.unique().tolist():
                seen[number] += 1
    assert (seen[1:] > 25).all()


def test_every_patch_without_variation_holds_paint(paint, cpu):
    patches, generator = patches_of(paint), seeded()
    for _ in range(20):
        assert (patches.draw(generator, cpu).labels > 0).flatten(1).any(1).all()


def test_nearly_every_varied_patch_holds_paint(paint, cpu):
    settings = settings_of(Augmentation(elastic=1.4))  # as much of 20 px as 10 are of 148
    patches, generator = patches_of(paint, settings=settings), seeded()
    found = torch.cat([patches.draw(generator, cpu).labels for _ in range(40)])
    assert (found > 0).flatten(1).any(1).float().mean() > 0.85


def test_held_out_paint_is_never_drawn(paint, cpu):
    held = np.zeros(paint.shape, bool)
    held[:, 30:] = paint[:, 30:] > 0
    patches = patches_of(paint, held=held)
    generator = seeded()
    for _ in range(10):
        assert 2 not in patches.draw(generator, cpu).labels  # all of class 2 is held out


def test_patches_of_a_wholly_painted_plane_lie_inside_it(cpu):
    """What lies outside would be computed for nothing."""
    paint = np.ones((60, 50), np.uint8)
    paint[20:30] = 2
    patches, generator = patches_of(paint), seeded()
    for _ in range(10):
        assert (patches.draw(generator, cpu).labels > 0).all()
    paint[0, 0] = 0  # no longer
    patches = patches_of(paint)
    assert not all((patches.draw(generator, cpu).labels > 0).all() for _ in range(10))


def test_a_patch_larger_than_a_wholly_painted_plane_shows_all_of_it(cpu):
    paint = np.ones((12, 16), np.uint8)
    paint[:, 8:] = 2
    for labels in patches_of(paint).draw(seeded(), cpu).labels:
        assert (labels > 0).sum() == paint.size


def test_planes_are_drawn_by_their_paint(cpu):
    """Each plane's labels come with its own pixels."""
    dark, bright = (np.random.default_rng(0).normal(size=(1, 30, 30)) for _ in range(2))
    dark[0, 0, :9], bright[0, 0, :9] = 60, -60  # after normalisation the rest is dark or bright
    paints = [np.full((30, 30), number, np.uint8) for number in (1, 2)]
    pictures = {"a": Picture.of(dark), "b": Picture.of(bright), "blank": Picture.of(dark)}
    splits = {n: Split(p, np.zeros(p.shape, bool)) for n, p in zip("ab", paints, strict=True)}
    splits["blank"] = Split(np.zeros((30, 30), np.uint8), np.zeros((30, 30), bool))
    patches = Patches(pictures, splits, settings_of(), NET)
    generator, seen = seeded(), set()
    for _ in range(5):
        batch = patches.draw(generator, cpu)
        for image, labels in zip(batch.images, batch.labels, strict=True):
            (number,) = set(labels.unique().tolist()) - {0}
            seen.add(number)
            assert (float(image.median()) < 0) == (number == 1)
    assert seen == {1, 2}


def test_weights_follow_the_settings(cpu):
    paint = np.ones((40, 40), np.uint8)
    paint[:, 10:18] = paint[:, 22:30] = 2
    plain = patches_of(paint, settings=settings_of(border_weight=0)).draw(seeded(), cpu)
    heavy = patches_of(paint, settings=settings_of(border_weight=50)).draw(seeded(), cpu)
    assert torch.equal(plain.labels, heavy.labels)
    extra = heavy.weights - plain.weights
    assert extra[plain.labels == 1].max() > 20
    assert extra[plain.labels != 1].abs().max() == 0


def test_a_seed_repeats_a_batch(paint, cpu):
    patches = patches_of(paint, settings=settings_of(Augmentation()))
    one, two, three = (patches.draw(seeded(s), cpu) for s in (3, 3, 4))
    assert torch.equal(one.images, two.images)
    assert torch.equal(one.labels, two.labels)
    assert not torch.equal(one.images, three.images)


def test_reading_beyond_the_image_mirrors_it():
    raw = np.random.default_rng(0).normal(size=(2, 9, 11))
    picture = Picture.of(raw)
    y, x = torch.meshgrid(torch.arange(-6.0, 15), torch.arange(-7.0, 18), indexing="ij")
    found = read_picture(picture, torch.stack([y, x], -1))
    wanted = picture.read((slice(-6, 15), slice(-7, 18)))
    np.testing.assert_allclose(found, wanted, atol=1e-5)
