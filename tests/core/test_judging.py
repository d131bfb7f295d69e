from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_unet.core import judging as module
from napari_unet.core.holdout import Split, split
from napari_unet.core.judging import judge, mean_over_classes, windows
from napari_unet.core.prediction import Predictor


@pytest.fixture
def work(small_net, cpu, toy):
    """A predictor, and a plane with paint of which a part is held out."""
    case = toy()
    predictor = Predictor(small_net(1, 3), cpu)
    return predictor, {"a": case.picture}, {"a": split(case.paint, share=0.3)}


def dense_probabilities(predictor, picture):
    whole = torch.empty(len(predictor.bias), *picture.shape)
    for tile in predictor.tiles(picture):
        features = predictor.features("whole", picture, tile)
        whole[(slice(None), *tile.write)] = predictor.probabilities(features)
    return whole.numpy()


@pytest.mark.parametrize("output", [20, 132])
def test_error_and_score_are_those_of_all_held_out_pixels(work, monkeypatch, output):
    """By hand, from the whole prediction: the mean over classes, each counting the same."""
    monkeypatch.setattr(module, "_OUTPUT", output)
    predictor, pictures, splits = work
    found = judge(predictor, pictures, windows(predictor, pictures, splits))
    p = dense_probabilities(predictor, pictures["a"])
    errors, scores = [], []
    for number in (1, 2):
        where = splits["a"].held & (splits["a"].paint == number)
        errors.append((1 - p[number - 1][where]).mean())
        scores.append((p.argmax(0) + 1 == number)[where].mean())
    assert found.error == pytest.approx(np.mean(errors), abs=1e-5)
    assert found.score == pytest.approx(np.mean(scores))


def test_only_held_out_paint_is_looked_at(work):
    predictor, pictures, splits = work
    part = splits["a"]
    wanted = judge(predictor, pictures, windows(predictor, pictures, splits))
    shifted = np.where(part.held, part.paint, (part.paint > 0) * 3).astype(np.uint8)
    other = {"a": Split(shifted, part.held)}
    assert judge(predictor, pictures, windows(predictor, pictures, other)) == wanted


def test_a_surer_right_answer_has_a_lower_error_and_the_same_score(work):
    predictor, pictures, splits = work
    where = windows(predictor, pictures, splits)
    features = predictor.weight.new_zeros(predictor.weight.shape)
    predictor.set_head(features, torch.tensor([1.0, 0.0, 0.0]))
    unsure = judge(predictor, pictures, where)
    predictor.set_head(features, torch.tensor([9.0, 9.0, -9.0]))
    surer = judge(predictor, pictures, where)
    assert surer.error < unsure.error
    assert unsure.score == surer.score == 0.5


def test_nothing_held_out_gives_no_judgement(work):
    predictor, pictures, splits = work
    none = {"a": Split(splits["a"].paint, np.zeros_like(splits["a"].held))}
    assert windows(predictor, pictures, none) == []
    assert judge(predictor, pictures, []) is None


def test_all_planes_count(work, toy):
    predictor, pictures, splits = work
    other = toy(44, seed=1)
    both = {**pictures, "b": other.picture}
    parts = {**splits, "b": split(other.paint, share=0.3)}
    where = windows(predictor, both, parts)
    assert {w.plane for w in where} == {"a", "b"}
    assert sum(len(w.truth) for w in where) == sum(int(s.held.sum()) for s in parts.values())


def test_of_very_many_windows_the_fullest_are_taken(work, monkeypatch):
    monkeypatch.setattr(module, "_OUTPUT", 8)
    predictor, pictures, splits = work
    every = windows(predictor, pictures, splits)
    assert len(every) > 2
    monkeypatch.setattr(module, "_MOST", 2)
    few = windows(predictor, pictures, splits)
    sizes = sorted((len(w.y) for w in every), reverse=True)
    assert [len(w.y) for w in few] == sizes[:2]


def test_every_class_counts_the_same():
    values = np.array([1.0] * 98 + [0.0, 0.5])
    assert mean_over_classes(values, np.array([1] * 98 + [2, 3])) == pytest.approx(0.5)
