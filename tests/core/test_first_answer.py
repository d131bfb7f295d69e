from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_unet.core.annotations import AnnotationError, Annotations
from napari_unet.core.image import Picture
from napari_unet.core.presets import start
from trained import labels_of, right_on_unpainted


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
