from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
import torch
from torch import Tensor

from napari_unet.core.image import read_mirrored
from napari_unet.core.sampling import place, read_image, read_labels, vary_grey
from napari_unet.core.settings import Augmentation

STILL = Augmentation(
    rotation=False, flip=False, scale=1, elastic=0, contrast=0, brightness=0, noise=0
)


def only(**kwargs: object) -> Augmentation:
    """No variation but this one."""
    return msgspec.structs.replace(STILL, **kwargs)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def linear_map(augmentation: Augmentation, seed: int) -> Tensor:
    """The 2×2 matrix that a placement without elastic deformation applies to its rows."""
    points = place((0, 0), 3, augmentation, seeded(seed)).points
    return torch.stack([points[2, 1], points[1, 2]])  # images of the unit vectors y and x


# -- placement -----------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "centre"), [(5, (10, 12)), (6, (9.5, 20.5)), (1, (0, 0))])
def test_a_patch_without_variation_is_the_plain_crop(size, centre):
    image = torch.randn(2, 31, 37)
    points = place(centre, size, STILL, seeded()).points
    top, left = (int(c - (size - 1) / 2) for c in centre)
    crop = image[:, top : top + size, left : left + size]
    torch.testing.assert_close(read_image(image, points), crop, rtol=0, atol=1e-4)
    labels = torch.randint(0, 255, (31, 37), dtype=torch.uint8)
    assert torch.equal(read_labels(labels, points), labels[top : top + size, left : left + size])


def test_the_same_seed_gives_the_same_patch_and_another_another():
    first, again, other = (place((5, 5), 20, Augmentation(), seeded(s)).points for s in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)


def test_the_global_state_of_random_numbers_is_left_alone():
    before = torch.get_rng_state()
    place((5, 5), 20, Augmentation(), seeded())
    vary_grey(torch.zeros(1, 1, 4, 4), Augmentation(), seeded())
    assert torch.equal(torch.get_rng_state(), before)


def test_the_window_is_the_part_inside_the_margin():
    patch = place((50, 50), 12, STILL, seeded())
    assert torch.equal(patch.window(0), patch.points)
    assert torch.equal(patch.window(4), patch.points[4:8, 4:8])


@pytest.mark.parametrize("augmentation", [Augmentation(elastic=0), STILL])
def test_the_centre_stays_in_the_middle(augmentation):
    points = place((30, 40), 9, augmentation, seeded(4)).points
    torch.testing.assert_close(points[4, 4], torch.tensor([30.0, 40.0]))


def test_rotations_keep_lengths_and_sides_and_turn_by_any_angle():
    angles = []
    for seed in range(200):
        matrix = linear_map(only(rotation=True), seed)
        torch.testing.assert_close(matrix @ matrix.T, torch.eye(2), atol=1e-5, rtol=0)
        assert matrix.det() == pytest.approx(1, abs=1e-5)
        angles.append(math.atan2(matrix[0, 1], matrix[0, 0]))
    counts = np.histogram(angles, bins=4, range=(-math.pi, math.pi))[0]
    assert counts.min() > 25  # 50 expected in each quadrant


def test_flips_mirror_half_of_the_patches():
    matrices = [linear_map(only(flip=True), seed) for seed in range(200)]
    flipped = [m.det().item() < 0 for m in matrices]
    assert 70 < sum(flipped) < 130
    for matrix, flip in zip(matrices, flipped, strict=True):
        torch.testing.assert_close(matrix, torch.diag(torch.tensor([1.0, -1.0 if flip else 1.0])))


def test_rotation_and_flip_together_are_orthogonal():
    for seed in range(20):
        matrix = linear_map(only(rotation=True, flip=True), seed)
        torch.testing.assert_close(matrix @ matrix.T, torch.eye(2), atol=1e-5, rtol=0)


def test_scale_lies_within_its_factor_both_ways():
    factors = [linear_map(only(scale=2.0), seed)[0, 0].item() for seed in range(200)]
    assert 0.5 <= min(factors) < 0.6
    assert 1.7 < max(factors) <= 2
    assert np.median(factors) == pytest.approx(1, abs=0.15)  # as often smaller as larger


def test_elastic_displacements_have_the_spread_that_was_asked_for():
    still = place((0, 0), 33, STILL, seeded()).points
    moves = torch.stack(
        [place((0, 0), 33, only(elastic=10), seeded(s)).points - still for s in range(400)]
    )
    knots = moves[:, ::16, ::16]  # the 3×3 grid itself
    assert knots.shape[1:] == (3, 3, 2)
    assert knots.mean().abs() < 0.5
    assert knots.std() == pytest.approx(10, rel=0.05)
    # all nine vectors, both axes: independent of each other
    correlation = np.corrcoef(knots.reshape(400, -1).T.numpy()) - np.eye(18)
    assert np.abs(correlation).max() < 0.25
    # between the knots the displacement is smooth: bicubic, no jumps
    assert (moves[:, 1:] - moves[:, :-1]).abs().max() < 5


# -- reading -------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(23, 31), (1, 9), (2, 2)])
def test_outside_the_image_is_mirrored_as_at_prediction(shape):
    image = np.random.default_rng(0).standard_normal((3, *shape)).astype(np.float32)
    window = (slice(-20, 30), slice(-35, 15))
    centre = tuple((w.start + w.stop - 1) / 2 for w in window)
    points = place(centre, 50, STILL, seeded()).points
    read = read_image(torch.from_numpy(image), points)
    np.testing.assert_allclose(read, read_mirrored(image, window), atol=1e-4)


def test_between_pixels_the_image_is_interpolated():
    image = torch.arange(12.0).reshape(1, 3, 4)
    points = torch.tensor([[[0.5, 1.0], [1.25, 2.5]]])
    torch.testing.assert_close(read_image(image, points), torch.tensor([[[3.0, 7.5]]]))


def test_labels_are_0_outside_and_never_mixed():
    labels = torch.tensor([[1, 9], [9, 1]], dtype=torch.uint8)
    points = torch.tensor(
        [[[-0.4, 0.4], [-0.6, 0.0], [1.4, 1.4], [0.0, 1.6], [0.0, 1.4], [-9e5, 9e5]]]
    )
    read = read_labels(labels, points)
    assert read.dtype == torch.uint8
    assert read.tolist() == [[1, 0, 1, 0, 9, 0]]


@pytest.mark.parametrize("seed", range(5))
def test_image_and_labels_share_one_geometry(seed):
    """An image that shows its own labels still does so after any deformation."""
    labels = torch.zeros(200, 220, dtype=torch.uint8)
    labels[40:120, 30:110], labels[100:180, 120:200] = 1, 2
    image = labels[None].float()
    points = place((100, 110), 190, Augmentation(), seeded(seed)).points
    seen, named = read_image(image, points)[0], read_labels(labels, points)
    inside = ((points >= 0) & (points <= torch.tensor([199.0, 219.0]))).all(-1)
    clear = inside & ((seen - seen.round()).abs() < 1e-3)  # not on the edge of an object
    assert clear.float().mean() > 0.3
    assert set(named[clear].tolist()) == {0, 1, 2}
    assert torch.equal(seen[clear].round(), named[clear].float())
    assert (named[~inside & (points < -1).any(-1)] == 0).all()


# -- grey values ---------------------------------------------------------------------------


def test_grey_values_stay_without_variation():
    patches = torch.randn(2, 3, 5, 5)
    assert torch.equal(vary_grey(patches, STILL, seeded()), patches)


def test_grey_values_are_varied_reproducibly_and_not_in_place():
    patches = torch.randn(2, 3, 5, 5)
    before = patches.clone()
    first, again, other = (vary_grey(patches, Augmentation(), seeded(s)) for s in (1, 1, 2))
    assert torch.equal(patches, before)
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)


def test_contrast_and_brightness_have_their_spread_per_channel():
    ones = torch.ones(3000, 2, 1, 1)
    gain = vary_grey(ones, only(contrast=0.2), seeded()).log().flatten(1)
    shift = (vary_grey(ones, only(brightness=0.3), seeded()) - 1).flatten(1)
    for found, spread in ((gain, 0.2), (shift, 0.3)):
        assert found.std(0).tolist() == pytest.approx([spread, spread], rel=0.06)
        assert found.mean().abs() < 0.02
        assert abs(np.corrcoef(found.T.numpy())[0, 1]) < 0.1


def test_noise_has_at_most_its_spread():
    noise = vary_grey(torch.zeros(300, 1, 30, 30), only(noise=0.5), seeded())
    levels = noise.flatten(1).std(1)
    assert levels.max() < 0.55
    assert levels.min() < 0.05
    assert levels.mean() == pytest.approx(0.25, rel=0.15)
