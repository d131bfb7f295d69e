from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_unet.core.annotations import Annotations
from napari_unet.core.device import Device
from napari_unet.core.image import Picture
from napari_unet.core.presets import start
from napari_unet.core.scale import Rivals, better
from napari_unet.core.settings import Settings, changed
from napari_unet.core.training import Trainer


@pytest.mark.parametrize(
    ("errors", "current", "chosen"),
    [([0.2, 0.1], 0, 1), ([0.1, 0.2], 0, 0), ([0.1, 0.099], 0, 0), ([0.099, 0.1], 1, 1),
     ([float("inf"), float("inf")], 0, 0)],
)  # fmt: skip
def test_another_scale_must_be_clearly_better(errors, current, chosen):
    assert better(errors, current) == chosen


def test_rivals_share_their_weights_but_not_their_statistics(small_net, cpu):
    picture = Picture.of(np.random.default_rng(0).normal(size=(1, 80, 80)))
    full, half = (
        Rivals(small_net(1, 2), scale, cpu).measure("a", picture).net for scale in ("full", "half")
    )
    assert (full.shrink, half.shrink) == (1, 2)
    state = half.state_dict()
    for key, value in full.state_dict().items():
        assert torch.equal(value, state[key]) == ("running" not in key), key


def coarse(rng, size=320):
    """Two classes that differ by the size of their grain alone, far larger than a pixel's noise."""
    truth = np.ones((size, size), np.uint8)
    truth[:, size // 2 :] = 2
    image = rng.normal(size=(size, size))
    for number, grain in ((1, 12), (2, 40)):
        field = rng.normal(size=(size // grain + 1,) * 2).repeat(grain, 0).repeat(grain, 1)
        image += np.where(truth == number, field[:size, :size], 0)
    return image, truth


def paint_of(truth):
    paint = np.zeros_like(truth)
    for y in range(20, len(truth), 40):
        paint[y, 20:120], paint[y, 200:300] = 1, 2
    return paint


def trained(cpu, image, paint, scale):
    settings = changed(Settings(), "network", working_scale=scale)
    trainer = Trainer(start("compact", 1, 2), settings, cpu)
    trainer.open("a", Picture.of(image[None]))
    trainer.annotate("a", Annotations.of(paint))
    trainer.answer()
    return trainer


@pytest.fixture(scope="module")
def answered():
    """A trainer that gave its first answer, for each scale that the user may want."""
    torch.set_num_threads(1)
    cpu = Device("cpu", torch.float32, 1)
    image, truth = coarse(np.random.default_rng(0))
    return {s: trained(cpu, image, paint_of(truth), s) for s in ("full", "half", "auto")}


@pytest.mark.parametrize(("scale", "shrink"), [("full", 1), ("half", 2)])
def test_the_user_decides_if_he_wants(answered, scale, shrink):
    trainer = answered[scale]
    assert trainer.best.shrink == shrink
    assert trainer.predictor.grid == trainer.best.grid
    assert np.isfinite(trainer.step())


def test_auto_takes_the_scale_that_tells_unseen_strokes_apart(answered):
    errors = {}
    for scale in ("full", "half"):
        errors[answered[scale].best.shrink] = answered[scale]._look_up().surprise
    chosen = answered["auto"].best.shrink
    assert chosen == (2 if errors[2] < 0.97 * errors[1] else 1)
