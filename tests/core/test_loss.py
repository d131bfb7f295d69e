from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from napari_unet.core.loss import agreement_loss, partial_loss


def draw(seed=0, n=2, k=3, size=6, painted=0.3):
    random = torch.Generator().manual_seed(seed)
    logits = torch.randn(n, k, size, size, generator=random)
    labels = torch.randint(1, k + 1, (n, size, size), generator=random)
    labels[torch.rand(labels.shape, generator=random) > painted] = 0
    weights = 0.1 + 5 * torch.rand(labels.shape, generator=random)
    return logits, labels, weights


def gradient(logits, labels, weights):
    logits = logits.clone().requires_grad_()
    partial_loss(logits, labels, weights).backward()
    return logits.grad


@given(st.integers(0, 1000), st.floats(0, 1), st.integers(2, 6))
@settings(max_examples=40, deadline=None)
def test_unlabelled_means_silent(seed, painted, classes):
    logits, labels, weights = draw(seed, k=classes, painted=painted)
    grad = gradient(logits, labels, weights).movedim(1, -1)
    assert (grad[labels == 0] == 0).all()
    assert (grad[labels > 0] != 0).all()


def test_what_the_network_says_of_unlabelled_pixels_does_not_matter():
    logits, labels, weights = draw()
    other = torch.where(labels[:, None] == 0, 100 * torch.randn_like(logits), logits)
    louder = torch.where(labels == 0, 1e6, weights)
    assert partial_loss(logits, labels, weights) == partial_loss(other, labels, louder)


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_all_painted_alike_is_plain_cross_entropy(classes):
    logits, labels, _ = draw(k=classes, painted=1.1)
    assert (labels > 0).all()
    found = partial_loss(logits, labels, torch.full(labels.shape, 2.5))
    torch.testing.assert_close(found, F.cross_entropy(logits, labels - 1))


def test_weights_are_relative():
    """Weighted mean, by hand: −Σ w·log p(true) / Σ w over the paint."""
    logits, labels, weights = draw()
    p = logits.softmax(1)
    n, y, x = torch.nonzero(labels, as_tuple=True)
    w = weights[n, y, x]
    wanted = -(w * p[n, labels[n, y, x] - 1, y, x].log()).sum() / w.sum()
    torch.testing.assert_close(partial_loss(logits, labels, weights), wanted)
    torch.testing.assert_close(partial_loss(logits, labels, 1000 * weights), wanted)


def test_one_per_cent_of_strokes_gives_the_gradient_of_dense_paint():
    """On a pattern that repeats, the network's output layer cannot tell sparse from dense."""
    random = torch.Generator().manual_seed(0)
    feature = torch.randn(4, 1, 1, generator=random).expand(4, 100, 100)
    dense = torch.ones(1, 100, 100, dtype=torch.long)
    sparse = torch.zeros_like(dense)
    sparse[:, ::10, ::10] = 1
    grads = []
    for labels in (dense, sparse):
        weight = torch.zeros(2, 4, requires_grad=True)
        logits = torch.einsum("kd,dyx->kyx", weight, feature)[None]
        partial_loss(logits, labels, torch.ones(labels.shape)).backward()
        grads.append(weight.grad)
    assert int((sparse > 0).sum()) == 100
    torch.testing.assert_close(grads[0], grads[1], rtol=1e-3, atol=0)


def test_nothing_painted_is_zero_and_finite():
    logits, labels, weights = draw(painted=-1)
    assert not labels.any()
    assert partial_loss(logits, labels, weights) == 0
    assert (gradient(logits, labels, weights) == 0).all()


def test_extreme_logits_stay_finite():
    logits, labels, weights = draw()
    grad = gradient(1e4 * logits, labels, weights)
    assert grad.isfinite().all()
    assert partial_loss(1e4 * logits, labels, weights).isfinite()


def test_agreement_pulls_unpainted_pixels_only_and_only_where_there_is_a_target():
    logits = torch.zeros(1, 2, 1, 3, requires_grad=True)
    target = torch.zeros(1, 2, 1, 3)
    target[0, 0, 0, :2] = 1.0  # the third pixel has no target
    labels = torch.tensor([[[2, 0, 0]]])  # the first is painted
    loss = agreement_loss(logits, target, labels)
    loss.backward()
    assert loss.item() == pytest.approx(0.6931472)
    assert logits.grad[..., 0].eq(0).all()
    assert logits.grad[..., 2].eq(0).all()
    assert logits.grad[0, 0, 0, 1] < 0 < logits.grad[0, 1, 0, 1]


def test_agreement_without_any_target_is_nothing():
    zeros = torch.zeros(1, 2, 2, 2)
    assert agreement_loss(zeros, zeros, torch.zeros(1, 2, 2, dtype=torch.int64)) == 0
