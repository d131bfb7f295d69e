from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from napari_unet.core.head import NEVER, balance, fit_head, ridge, tilt


def cloud(counts: list[int], features: int = 6, spread: float = 0.3) -> tuple[Tensor, Tensor]:
    """Features and targets: clusters around well separated centres."""
    random = torch.Generator().manual_seed(0)
    targets = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    centres = 4 * torch.eye(max(features, len(counts)))[: len(counts), :features]
    return centres[targets] + spread * torch.randn(
        len(targets), features, generator=random
    ), targets


def winners(features: Tensor, fitted: tuple[Tensor, Tensor]) -> Tensor:
    weight, bias = fitted
    return (features @ weight.T + bias).argmax(1)


def test_every_class_present_weighs_the_same():
    targets = torch.tensor([0] * 90 + [2] * 9 + [4])
    weights = balance(targets, 5)
    sums = torch.bincount(targets, weights, minlength=5)
    torch.testing.assert_close(sums, torch.tensor([1, 0, 1, 0, 1]) / 3)


@pytest.mark.parametrize("strength", [0.01, 0.1, 3.0])
def test_ridge_is_the_closed_form(strength):
    """Weighted least squares with an unpenalised intercept, solved by numpy all at once."""
    features, targets = cloud([40, 7, 3], spread=2)
    weight, bias = ridge(features, targets, 3, strength)
    counts = np.bincount(targets)
    w = (1 / counts / 3)[targets]
    x = np.column_stack([features, np.ones(len(targets))]).astype(float)
    y = np.eye(3)[targets] - 1 / 3
    penalty = strength * np.diag([1.0] * 6 + [0.0])
    wanted = np.linalg.solve((x.T * w) @ x + penalty, (x.T * w) @ y)
    np.testing.assert_allclose(weight, wanted[:-1].T, atol=1e-5)
    np.testing.assert_allclose(bias, wanted[-1], atol=1e-5)


def test_ridge_passes_gradients_to_features_and_strength():
    features, targets = cloud([5, 5])
    features.requires_grad_()
    strength = torch.tensor(0.1, requires_grad=True)
    weight, bias = ridge(features, targets, 2, strength)
    (weight.square().sum() + bias.sum()).backward()
    assert features.grad.any()
    assert strength.grad != 0


@pytest.mark.parametrize("fit", [fit_head, lambda f, t, k: ridge(f, t, k, 0.1)])
@pytest.mark.parametrize("counts", [[50, 50], [1000, 3], [200, 20, 2, 1]])
def test_separable_classes_are_separated_however_unequal(fit, counts):
    features, targets = cloud(counts)
    assert torch.equal(winners(features, fit(features, targets, len(counts))), targets)


def test_a_rare_class_counts_as_much_as_a_common_one():
    """Where two classes overlap, the border lies in the middle, not at the rare one."""
    random = torch.Generator().manual_seed(0)
    x = torch.cat([torch.randn(5000, 1, generator=random) - 1, torch.randn(50, 1) + 1])
    targets = torch.tensor([0] * 5000 + [1] * 50)
    weight, bias = fit_head(x, targets, 2)
    border = -(bias[1] - bias[0]) / (weight[1] - weight[0]).squeeze()
    assert abs(border) < 0.35


@pytest.mark.parametrize("present", [[1, 3], [0, 4], [2], [0, 1, 4]])
def test_classes_that_were_not_painted_never_win(present):
    features, index = cloud([20] * len(present))
    weight, bias = fit_head(features, torch.tensor(present)[index], 5)
    assert weight.shape == (5, 6)
    assert bias.shape == (5,)
    random = torch.Generator().manual_seed(1)
    far = 50 * torch.randn(3000, 6, generator=random)
    assert set(winners(far, (weight, bias)).tolist()) <= set(present)
    assert torch.equal(winners(features, (weight, bias)), torch.tensor(present)[index])


def test_one_pixel_of_each_class_is_enough():
    features, targets = cloud([1, 1, 1])
    weight, bias = fit_head(features, targets, 3)
    assert weight.isfinite().all()
    assert bias.isfinite().all()
    assert torch.equal(winners(features, (weight, bias)), targets)


def test_features_that_tell_nothing_give_no_nonsense():
    features = torch.full((10, 4), 2.5)
    weight, bias = fit_head(features, torch.tensor([0, 1] * 5), 2)
    assert weight.isfinite().all()
    scores = features @ weight.T + bias
    assert (scores[:, 0] - scores[:, 1]).abs().max() < 1e-3  # undecided


def test_dead_features_are_ignored():
    features, targets = cloud([20, 20])
    features[:, 3] = 0
    weight, _ = fit_head(features, targets, 2)
    assert weight[:, 3].abs().max() < 1e-3


def test_fits_work_on_features_of_inference_and_without_gradients():
    with torch.inference_mode():
        features, targets = cloud([5, 5])
    with torch.no_grad():
        weight, bias = fit_head(features, targets, 2)
    assert not weight.requires_grad
    assert not bias.requires_grad
    assert torch.equal(winners(features, (weight, bias)), targets)


def test_a_tilt_favours_what_covers_more_of_the_image():
    """A rare class loses pixels in doubt to the common one, and so more pixels are right."""
    features, targets = cloud([50, 50], spread=1.5)
    weight, bias = fit_head(features, targets, 2)
    image, truth = cloud([5000, 100], spread=1.5)
    tilted = bias + tilt(image, weight, bias)
    before = winners(image, (weight, bias)) == truth
    after = winners(image, (weight, tilted)) == truth
    assert after.sum() > before.sum()
    assert after[truth == 1].float().mean() > 0.5


def test_a_tilt_is_nothing_where_classes_share_the_image():
    features, targets = cloud([50, 50, 50])
    weight, bias = fit_head(features, targets, 3)
    torch.testing.assert_close(tilt(features, weight, bias), torch.zeros(3), atol=0.05, rtol=0)


def test_a_tilt_leaves_classes_that_were_not_painted():
    features, targets = cloud([50, 0, 50])
    weight, bias = fit_head(features, targets, 3)
    found = tilt(features[:60], weight, bias)
    assert bias[1] == NEVER
    assert found[1] == 0
    assert found[0] > 0 > found[2]
