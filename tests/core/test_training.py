from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from napari_unet.core.annotations import Annotations
from napari_unet.core.judging import judge, windows
from trained import labels_of, right_on_unpainted

# -- fine-tuning -----------------------------------------------------------------------------


def test_the_loss_falls(make):
    trainer = make(learning_rate=1e-2, agreement=0)
    losses = [trainer.step() for _ in range(60)]
    assert np.mean(losses[-15:]) < 0.7 * np.mean(losses[:15])
    assert trainer.steps == 60


def test_training_brings_what_the_first_answer_could_not(make, toy, small_net):
    """Random features tell little; learning must make more of them."""
    case, net = toy(), small_net(1, 2, width=8, depth=1)
    trainer = make(case, net=net, learning_rate=1e-2, averaging=0.8, agreement=0)
    before, right = trainer._keeper._top.error, right_on_unpainted(trainer, case)
    for _ in range(10):
        for _ in range(10):
            trainer.step()
        trainer.check()
    assert trainer._keeper._top.error < 0.8 * before
    assert right_on_unpainted(trainer, case) > right + 0.05


def test_a_seeded_run_reproduces_itself(make):
    states, losses = [], []
    for seed in (0, 0, 1):
        trainer = make(seed=seed)
        losses.append([trainer.step() for _ in range(5)])
        trainer.check()
        states.append(trainer.tuner.net.state_dict())
    assert losses[0] == losses[1] != losses[2]
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


def test_statistics_of_batch_norm_stay_as_measured_on_the_first_picture(make, small_net, toy):
    net = small_net(1, 2, width=8, depth=1)
    first = {k: v.clone() for k, v in net.state_dict().items() if "running" in k}
    trainer = make(net=net)
    before = {k: v.clone() for k, v in trainer.best.state_dict().items() if "running" in k}
    assert not all(torch.equal(first[key], value) for key, value in before.items())
    trainer.open("b", toy(seed=1).picture)
    for _ in range(3):
        trainer.step()
    for state in (trainer.tuner.net.state_dict(), trainer.tuner.averaged.state_dict()):
        assert all(torch.equal(state[key], value) for key, value in before.items())
    assert all(not m.training for m in trainer.tuner.net.modules() if isinstance(m, nn.BatchNorm2d))
    assert trainer.tuner.net.dropout.training


def test_what_it_starts_from_is_not_touched(make, small_net):
    net = small_net(1, 2, width=8, depth=1)
    before = {k: v.clone() for k, v in net.state_dict().items()}
    trainer = make(net=net)
    for _ in range(3):
        trainer.step()
    trainer.check()
    assert all(torch.equal(net.state_dict()[k], v) for k, v in before.items())


def test_a_trained_last_layer_is_not_fitted_anew(make):
    """It is the running mean of what the steps made, also where new paint comes."""
    trainer = make(last_layer="trained", learning_rate=1e-2, held_out=0, agreement=0)
    for _ in range(25):
        trainer.step()
    assert trainer.check().kept
    wanted = trainer.tuner.averaged.head.weight
    assert torch.equal(trainer.best.head.weight, wanted)
    assert torch.equal(trainer.predictor.weight, wanted.flatten(1))
    trainer.answer()
    assert torch.equal(trainer.best.head.weight, wanted)


def test_random_weights_whose_last_layer_is_trained_begin_as_they_are(make, small_net):
    net = small_net(1, 2, width=8, depth=1)
    trainer = make(net=net, last_layer="trained")
    assert torch.equal(trainer.tuner.net.head.weight, net.head.weight)
    assert not torch.equal(trainer.best.head.weight, net.head.weight)
    assert not torch.equal(make(net=net).tuner.net.head.weight, net.head.weight)


def stepped(trainer, spent):
    trainer.spent = spent
    return trainer.step()


def test_a_stopped_training_goes_on_as_if_it_had_not_been(make):
    whole, first, second = (make(last_layer="trained") for _ in range(3))
    losses = [stepped(whole, k / 6) for k in range(6)]
    for k in range(3):
        stepped(first, k / 6)
    second.restore(first.state())
    assert [stepped(second, k / 6) for k in range(3, 6)] == losses[3:]
    assert second.steps == 6


def test_a_stopped_training_keeps_the_lower_rate_after_a_stumble(make):
    first, second = make(), make()
    first.step()
    with torch.no_grad():
        first.tuner.averaged.head.bias.fill_(torch.nan)
    assert first.check().stumbled
    second.restore(first.state())
    assert second.tuner._rates == first.tuner._rates
    assert second.tuner._rates[0] < make().tuner._rates[0]


def test_new_paint_does_not_bring_random_weights_back(make, small_net):
    net = small_net(1, 2, width=8, depth=1)
    trainer = make(net=net, last_layer="trained", held_out=0)
    trainer.step()
    assert trainer.check().kept
    trainer.given = False  # as where a fit explains the new paint better
    trainer._restart()
    learnt, random = trainer.tuner.net.down[0][0].weight, net.down[0][0].weight
    assert torch.equal(learnt, trainer.best.down[0][0].weight)
    assert not torch.equal(learnt, random)


# -- keep-best -------------------------------------------------------------------------------


def outcome(trainer):
    return labels_of(trainer), trainer._keeper.score, trainer.generation


@pytest.mark.parametrize("rate", [0.1, 0.03])
def test_training_on_never_makes_what_is_shown_worse(make, monkeypatch, rate):
    """Even with steps so large that they ruin the network."""
    trainer = make(learning_rate=rate, averaging=0.5)
    monkeypatch.setattr("torch.nn.utils.clip_grad_norm_", lambda *a: None)
    before, score, generation = outcome(trainer)
    worse, top = 0, score
    for _ in range(12):
        for _ in range(4):
            trainer.step()
        kept = trainer.check().kept
        labels, now, number = outcome(trainer)
        assert now >= top - 0.01 if kept else now == score
        top = max(top, now)
        assert (number > generation) == kept
        if not kept:
            worse += 1
            assert np.array_equal(labels, before)
        before, score, generation = labels, now, number
    assert worse


def test_the_score_is_that_of_what_is_shown(make, toy):
    """What `check` compares with is not an old number: it can be measured again at any time."""
    trainer = make(learning_rate=1e-2, averaging=0.5)
    kept = 0
    for _ in range(6):
        for _ in range(8):
            trainer.step()
        kept += trainer.check().kept
    assert kept
    where = windows(trainer.predictor, trainer.pictures, trainer.splits)
    again = judge(trainer.predictor, trainer.pictures, where)
    assert again.score == pytest.approx(trainer._keeper.score, abs=1e-5)


@pytest.mark.parametrize("held_out", [0.2, 0.0])
def test_weights_that_are_not_numbers_are_never_shown(make, held_out):
    trainer = make(held_out=held_out)
    before, generation = labels_of(trainer), trainer.generation
    trainer.step()
    with torch.no_grad():
        next(trainer.tuner.averaged.parameters()).fill_(torch.nan)
        next(trainer.tuner.net.parameters()).fill_(torch.nan)
    (group,) = {group["lr"] for group in trainer.tuner._optimiser.param_groups}
    verdict = trainer.check()
    assert (verdict.kept, verdict.stumbled) == (False, True)
    assert trainer.generation == generation
    assert np.array_equal(labels_of(trainer), before)
    assert np.isfinite(trainer.step())  # and training starts again from what is shown
    (slower,) = {group["lr"] for group in trainer.tuner._optimiser.param_groups}
    assert slower == pytest.approx(0.3 * group)
    assert not trainer.check().stumbled


def short_of_memory(trainer, monkeypatch, most):
    """Batches of more than so many patches do not fit."""
    step, seen = trainer.tuner.step, []

    def check(batch, teacher):
        seen.append(len(batch.images))
        if seen[-1] > most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 3 GiB")
        return step(batch, teacher)

    monkeypatch.setattr(trainer.tuner, "step", check)
    return seen


def test_where_memory_runs_out_batches_become_smaller(make, monkeypatch):
    trainer = make(batch=5)
    seen = short_of_memory(trainer, monkeypatch, most=1)
    assert np.isfinite(trainer.step())
    assert np.isfinite(trainer.step())
    assert seen == [5, 2, 1, 1]
    assert trainer.steps == 2


def test_a_patch_that_does_not_fit_is_an_error(make, monkeypatch):
    trainer = make(batch=2)
    short_of_memory(trainer, monkeypatch, most=0)
    with pytest.raises(torch.OutOfMemoryError):
        trainer.step()


def test_an_error_that_is_not_about_memory_is_not_taken_for_one(make, monkeypatch):
    trainer = make(batch=2)
    monkeypatch.setattr(trainer.tuner, "step", lambda batch, teacher: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        trainer.step()


def test_without_held_out_strokes_the_newest_weights_are_shown(make):
    trainer = make(held_out=0)
    generation = trainer.generation
    for _ in range(20):
        trainer.step()
    verdict = trainer.check()
    assert (verdict.score, verdict.kept, trainer.generation) == (None, True, generation + 1)


def test_idle_checks_are_counted_and_new_paint_starts_anew(make, toy):
    case = toy()
    trainer = make(case)
    for number in (1, 2, 3):
        assert not trainer.check().kept  # nothing was trained between: no better
        assert trainer.idle_checks == number
    more = case.paint.copy()
    more[58, 5:30] = 1
    trainer.annotate("a", Annotations.of(more))
    trainer.answer()
    assert trainer.idle_checks == 0


def test_a_new_stroke_does_not_throw_away_what_was_trained(make, toy):
    """The first answer's layer replaces a trained one only where it explains the paint better."""
    case = toy()
    trainer = make(case, learning_rate=1e-2, averaging=0.5)
    for _ in range(8):
        for _ in range(5):
            trainer.step()
        trainer.check()
    body = trainer.best.down[0][0].weight.clone()
    error = trainer._keeper._top.error
    trainer.answer()
    assert torch.equal(trainer.best.down[0][0].weight, body)
    assert trainer._keeper._top.error <= error + 0.05


def test_what_is_shown_is_what_is_saved(make):
    trainer = make()
    trainer.step()
    trainer.check()
    picture = trainer.pictures["a"]
    (tile,) = trainer.predictor.tiles(picture)
    shown = trainer.predictor.probabilities(trainer.predictor.features("a", picture, tile))
    image = torch.from_numpy(picture.read(tile.read))[None]
    with torch.inference_mode():
        saved = trainer.best.eval()(image)[0].softmax(0)[(slice(None), *tile.crop)]
    torch.testing.assert_close(shown, saved, rtol=1e-4, atol=1e-5)


# -- new paint is scored before it is learnt -------------------------------------------------


@pytest.mark.parametrize(("most", "every"), [(8, 10), (1, 10), (0.5, 20)])
def test_checks_are_rarer_where_paint_lies_on_many_tiles(make, monkeypatch, most, every):
    monkeypatch.setattr("napari_unet.core.training._TILES", most)  # the toy is one tile
    assert make(check_every=10).interval == every


def test_the_last_layer_is_fitted_to_features_that_were_trained(make, toy):
    """A new stroke moves the prediction at once, also after training."""
    case = toy()
    trainer = make(case, held_out=0, averaging=0.3)
    for _ in range(25):
        trainer.step()
    assert trainer.check().kept
    flipped = np.where(case.paint > 0, 3 - case.paint, 0).astype(np.uint8)
    before = labels_of(trainer)
    trainer.annotate("a", Annotations.of(flipped))
    trainer.answer()
    changed_mind = labels_of(trainer) == 3 - before
    assert changed_mind[case.paint > 0].mean() > 0.9
    assert not trainer.given


# -- what else ------------------------------------------------------------------------------


def test_any_patch_size_can_be_trained(make):
    assert np.isfinite(make(patch=33).step())


def test_generations_only_grow(make):
    trainer = make()
    seen = [trainer.generation]
    for _ in range(3):
        trainer.step()
        trainer.check()
        trainer.answer()
        seen.append(trainer.generation)
    assert seen == sorted(set(seen))
