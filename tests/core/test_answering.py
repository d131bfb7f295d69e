from __future__ import annotations

import numpy as np
import torch

from napari_unet.core import answering
from napari_unet.core.answering import gather
from napari_unet.core.holdout import Split
from napari_unet.core.prediction import Predictor


def gathered(small_net, cpu, case, paint, seed=0):
    split = Split(paint, np.zeros(paint.shape, bool))
    predictor = Predictor(small_net(), cpu)
    dice = torch.Generator().manual_seed(seed)
    return gather(predictor, {"a": case.picture}, {"a": split}, dice), predictor


def test_of_a_few_painted_pixels_all_are_looked_up(small_net, cpu, toy):
    case = toy()
    found, predictor = gathered(small_net, cpu, case, case.paint)
    assert len(found.targets) == (case.paint > 0).sum()
    assert (found.targets == 1).sum() == (case.paint == 2).sum()
    features = torch.zeros(len(predictor.weight[0]), *case.paint.shape)
    for tile in predictor.tiles(case.picture):
        features[(slice(None), *tile.write)] = predictor.features("a", case.picture, tile)
    for number in (0, 1):
        wanted = features[:, torch.from_numpy(case.paint == number + 1)].sum(1)
        torch.testing.assert_close(found.features[found.targets == number].sum(0), wanted)


def test_of_a_wholly_painted_plane_so_many_of_each_class_are(small_net, cpu, toy, monkeypatch):
    """Drawn tile by tile: else a stack of masks would not fit into memory."""
    monkeypatch.setattr(answering, "_MOST", 70)
    case = toy()
    y, x = answering._some_of_each(case.truth, torch.Generator().manual_seed(0))
    assert np.bincount(case.truth[y, x]).tolist() == [0, 70, 70]
    assert len(set(zip(y.tolist(), x.tolist(), strict=True))) == 140
    found, _ = gathered(small_net, cpu, case, case.truth)
    assert torch.bincount(found.targets).tolist() == [70, 70]
    other, _ = gathered(small_net, cpu, case, case.truth, seed=1)
    assert not torch.equal(found.features, other.features)
