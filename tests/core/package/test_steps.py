from __future__ import annotations

import numpy as np
import pytest

from napari_unet.core.package.errors import PackageError
from napari_unet.core.package.steps import apply, check

PIXELS = np.random.default_rng(0).normal(5, 2, (2, 30, 40)).astype(np.float32)
EACH = {"axes": ["y", "x"]}


def test_standardising_each_channel():
    found = apply([("zero_mean_unit_variance", EACH)], PIXELS)
    np.testing.assert_allclose(found.mean((1, 2)), 0, atol=1e-6)
    np.testing.assert_allclose(found.std((1, 2)), 1, atol=1e-4)


def test_percentiles():
    found = apply([("scale_range", {"min_percentile": 1, "max_percentile": 99, **EACH})], PIXELS)
    np.testing.assert_allclose(np.percentile(found, 1, axis=(1, 2)), 0, atol=1e-5)
    cut = apply([("clip", {"min_percentile": 10, "max_percentile": 90, **EACH})], PIXELS)
    np.testing.assert_allclose(cut[1].max(), np.percentile(PIXELS[1], 90), rtol=1e-5)
    assert apply([("clip", {"min": 4, "max": 6})], PIXELS).min() == 4


def test_numbers_along_channels():
    steps = [("fixed_zero_mean_unit_variance", {"mean": [1, 2], "std": [2, 4], "axis": "channel"})]
    np.testing.assert_allclose(apply(steps, PIXELS)[1], (PIXELS[1] - 2) / 4, rtol=1e-6)
    found = apply(
        [("scale_linear", {"gain": 2.0, "offset": [1.0, 3.0], "axis": "channel"})], PIXELS
    )
    np.testing.assert_allclose(found[0], PIXELS[0] * 2 + 1, rtol=1e-6)


def test_ends():
    np.testing.assert_allclose(
        apply([("softmax", {"axis": "channel"})], PIXELS).sum(0), 1, rtol=1e-5
    )
    assert set(np.unique(apply([("binarize", {"threshold": 5.0})], PIXELS))) == {0, 1}
    assert apply([("sigmoid", {})], PIXELS).max() < 1
    assert apply([("ensure_dtype", {"dtype": "uint8"})], PIXELS).dtype == np.uint8


def test_unknown_steps_are_refused():
    with pytest.raises(PackageError, match="cellpose_flow_dynamics"):
        check(["clip", "cellpose_flow_dynamics"])
