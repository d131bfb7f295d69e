from __future__ import annotations

import numpy as np
import torch

from napari_unet.core.agreement import Teacher
from napari_unet.core.holdout import Split
from napari_unet.core.prediction import Predictor


def target_of(small_net, cpu, case, paint):
    split = Split(paint, np.zeros(paint.shape, bool))
    teacher = Teacher(Predictor(small_net(), cpu), {"a": case.picture}, {"a": split})
    y, x = torch.meshgrid(torch.arange(60.0), torch.arange(60.0), indexing="ij")
    return teacher.read([("a", torch.stack([y, x], -1))])


def test_the_target_is_a_probability(small_net, cpu, toy):
    case = toy()
    target = target_of(small_net, cpu, case, case.paint)
    assert target.shape == (1, 2, 60, 60)
    torch.testing.assert_close(target.sum(1), torch.ones(1, 60, 60), atol=1e-2, rtol=0)


def test_where_all_is_painted_there_is_none(small_net, cpu, toy, monkeypatch):
    """And nothing is predicted for it, which would take long for a stack of masks."""
    monkeypatch.setattr(Predictor, "mean", lambda *a, **k: 1 / 0)
    case = toy()
    assert not target_of(small_net, cpu, case, case.truth).any()
