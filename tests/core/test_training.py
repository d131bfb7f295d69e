from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from napari_unet.core.annotations import AnnotationError, Annotations
from napari_unet.core.image import Picture
from napari_unet.core.judging import judge, windows
from napari_unet.core.presets import start
from napari_unet.core.settings import Settings, changed
from napari_unet.core.training import Trainer


def quick(**training):
    """Small patches, so that a step takes milliseconds."""
    wanted = {"patch": 20, "batch": 2, "learning_rate": 3e-3, **training}
    return changed(changed(Settings(), "training", **wanted), "augmentation", elastic=1.5)


@pytest.fixture
def make(small_net, cpu, toy):
    """A trainer on the toy, with its paint unless told otherwise, that answered unless told so."""

    def make(case=None, *, classes=2, answer=True, net=None, paint=None, **training):
        case = case or toy()
        net = small_net(1, classes, width=8, depth=1) if net is None else net
        trainer = Trainer(net, quick(**training), cpu)
        trainer.open("a", case.picture)
        trainer.annotate("a", Annotations.of(case.paint if paint is None else paint))
        if answer:
            trainer.answer()
        return trainer

    return make


def labels_of(trainer, name="a"):
    picture = trainer.pictures[name]
    found = np.zeros(picture.shape, np.uint8)
    for tile in trainer.predictor.tiles(picture):
        found[tile.write] = trainer.predictor.labels(
            trainer.predictor.features(name, picture, tile)
        )
    return found


def right_on_unpainted(trainer, case):
    unpainted = case.paint == 0
    return np.mean(
        [(labels_of(trainer) == k)[unpainted & (case.truth == k)].mean() for k in (1, 2)]
    )


# -- the first answer ------------------------------------------------------------------------


def test_the_first_answer_is_right_on_pixels_nobody_painted(make, toy):
    case = toy()
    assert right_on_unpainted(make(case, net=start("compact", 1, 2)), case) > 0.9


def test_one_short_stroke_of_each_class_is_enough(make, toy):
    case = toy()
    paint = np.zeros_like(case.paint)
    paint[2, 5:15], paint[16, 12:20] = 1, 2
    trainer = make(case, paint=paint)
    for _ in range(3):
        assert np.isfinite(trainer.step())
    assert trainer.check().score is not None
    assert set(np.unique(labels_of(trainer))) == {1, 2}


def test_one_pixel_of_each_class_is_enough(make, toy):
    paint = np.zeros((60, 60), np.uint8)
    paint[2, 2], paint[16, 16] = 1, 2
    trainer = make(toy(), paint=paint)
    assert np.isfinite(trainer.step())
    assert trainer.check().score is None  # nothing can be held out


@pytest.mark.parametrize(
    ("painted", "sentence"), [(0, "Nothing is painted yet"), (1, "Only class 1 is painted")]
)
def test_less_than_two_classes_cannot_be_learnt(make, toy, painted, sentence):
    case = toy()
    trainer = make(case, answer=False, paint=np.where(case.paint <= painted, case.paint, 0))
    assert not trainer.trainable
    with pytest.raises(AnnotationError, match=sentence):
        trainer.answer()
    with pytest.raises(RuntimeError, match="answer"):
        trainer.step()


def test_classes_that_were_not_painted_are_never_predicted(make, toy):
    case = toy()
    trainer = make(case, classes=5, paint=np.where(case.paint == 2, 4, case.paint))
    assert set(np.unique(labels_of(trainer))) <= {1, 4}
    for _ in range(10):
        trainer.step()
        trainer.check()
    assert set(np.unique(labels_of(trainer))) <= {1, 4}


def test_a_new_class_is_learnt_when_it_is_painted(make, toy):
    case = toy()
    trainer = make(case, classes=3)
    more = case.paint.copy()
    more[30, 32:55] = 3  # ground as before: what matters is that the class can be predicted
    trainer.annotate("a", Annotations.of(more))
    trainer.answer()
    assert 3 in labels_of(trainer)


def test_planes_are_learnt_from_together(make, toy):
    one, two = toy(), toy(seed=1)
    net = start("compact", 1, 2)
    trainer = make(one, answer=False, net=net, paint=np.where(one.paint == 1, 1, 0))
    trainer.open("b", two.picture)
    trainer.annotate("b", Annotations.of(np.where(two.paint == 2, 2, 0)))
    assert trainer.counts[1] == (one.paint == 1).sum()
    assert trainer.counts[2] == (two.paint == 2).sum()
    trainer.answer()
    assert right_on_unpainted(trainer, one) > 0.8


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


def test_new_strokes_are_scored_by_the_prediction_before_them(make, toy):
    case = toy()
    trainer = make(case)
    shown = labels_of(trainer)
    more = case.paint.copy()
    more[40:43, 4:8], more[42:45, 43:46] = 2, 2  # the first of these is wrong
    fresh = more != case.paint
    wanted = (shown == 2)[fresh].mean()
    assert trainer.annotate("a", Annotations.of(more)) == pytest.approx(wanted)
    wrong = fresh & (shown != more)
    assert wrong.any()
    assert not trainer.splits["a"].held[41, 5]  # a correction is trained on


def test_the_first_strokes_have_no_score(make, toy):
    case = toy()
    trainer = make(case, answer=False)
    assert trainer.annotate("a", Annotations.of(case.paint)) is None


def test_erasing_has_no_score(make, toy):
    case = toy()
    trainer = make(case)
    less = case.paint.copy()
    less[2:4] = 0
    assert trainer.annotate("a", Annotations.of(less)) is None
    assert trainer.counts[1] == (less == 1).sum()


# -- what does not fit, and what comes and goes ----------------------------------------------


def test_paint_of_another_size_is_refused(make, toy):
    trainer = make(toy())
    with pytest.raises(AnnotationError, match="strokes are 9 × 60 px but the image is 60 × 60 px"):
        trainer.annotate("a", Annotations.of(np.ones((9, 60), np.uint8)))
    assert trainer.trainable


def test_a_class_too_many_is_refused(make, toy):
    case = toy()
    trainer = make(case)
    more = case.paint.copy()
    more[50, 50] = 7
    with pytest.raises(
        AnnotationError, match="Class 7 is painted but there are only 2 classes: add"
    ):
        trainer.annotate("a", Annotations.of(more))
    assert trainer.counts[7] == 0


def test_a_closed_plane_is_not_trained_on(make, toy):
    trainer = make(toy())
    trainer.close("a")
    assert not trainer.trainable
    assert not trainer.ready
    assert not trainer.pictures
    with pytest.raises(RuntimeError, match="answer"):
        trainer.step()


def test_a_plane_without_paint_comes_and_goes_unnoticed(make, toy):
    trainer = make(toy())
    trainer.step()
    trainer.open("b", toy(40).picture)
    assert trainer.ready
    trainer.close("b")
    trainer.close("never there")
    assert trainer.ready
    assert np.isfinite(trainer.step())
    trainer.check()


def test_a_replaced_plane_is_seen_at_once(make, toy):
    """Nothing of the old pixels is remembered under the plane's name."""
    case = toy()
    trainer = make(case)
    labels_of(trainer)
    flipped = Picture.of(220 - case.raw)
    trainer.open("a", flipped)
    trainer.open("other name", flipped)
    assert np.array_equal(labels_of(trainer), labels_of(trainer, "other name"))
    assert not trainer.ready  # its paint is gone, too


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


# -- what batch norm is measured on -------------------------------------------------------------


def measured_on(trainer):
    return trainer.best.state_dict()["down.0.1.running_mean"].clone()


def test_batch_norm_is_measured_on_an_image_that_is_painted(make, toy):
    """Not on one that was opened by mistake, or only looked at."""
    one, other = toy(), toy(seed=1)
    wanted = measured_on(make(one, answer=False))
    trainer = make(other, answer=False, paint=np.zeros_like(other.paint))
    assert not torch.equal(measured_on(trainer), wanted)
    trainer.open("b", one.picture)
    trainer.annotate("b", Annotations.of(one.paint))
    trainer.answer()
    assert torch.equal(measured_on(trainer), wanted)


def test_another_image_in_its_place_is_measured_anew(make, toy):
    one, other = toy(), toy(seed=1)
    trainer = make(other, answer=False)
    trainer.close("a")
    trainer.open("b", one.picture)
    assert torch.equal(measured_on(trainer), measured_on(make(one, answer=False)))


def test_after_the_first_answer_the_statistics_stay(make, toy):
    trainer = make(toy())
    before = measured_on(trainer)
    trainer.close("a")
    trainer.open("b", toy(seed=1).picture)
    assert torch.equal(measured_on(trainer), before)
