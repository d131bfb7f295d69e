from __future__ import annotations

import pytest

from napari_unet.engine.messages import Answered, Judged, Ready, Scored, Trained
from napari_unet.widgets.report import (
    Report,
    agreement_sentence,
    detail_sentence,
    score_sentence,
)

SPACE = "\N{NO-BREAK SPACE}"


def told(*events):
    report = Report()
    for event in events:
        report = report.after(event)
    return report


def judged(step, held_out, shrink=1):
    return Judged(step, held_out, kept=True, seconds=0.1, shrink=shrink)


def test_the_score_is_told_in_words_with_what_it_does_not_say():
    said = score_sentence(told(judged(10, 0.94)))
    assert f"94{SPACE}% right" in said
    assert "nothing of borders" in said
    assert "No score yet" in score_sentence(told(judged(10, None)))


def test_a_check_without_held_out_strokes_keeps_the_last_score():
    report = told(judged(10, 0.9), judged(20, None))
    assert report.held_out == 0.9
    assert len(report.scores) == 1


@pytest.mark.parametrize(
    ("shares", "says"),
    [
        ((), ""),
        ((0.81,), f"Of what you last painted, 81{SPACE}% was predicted right"),
        ((0.8, 0.4), f"Of your last 2 strokes, 60{SPACE}% was predicted right"),
        ((0, 0, 1, 1, 1, 1, 1), f"Of your last 5 strokes, 100{SPACE}%"),
    ],
)
def test_agreement_is_the_mean_of_the_newest_strokes(shares, says):
    said = agreement_sentence(told(*map(Scored, shares)))
    assert said.startswith(says)
    assert bool(said) is bool(says)


def test_strokes_before_training_lie_side_by_side_in_the_curve():
    report = told(judged(0, 0.5), Scored(0.7), judged(0, 0.8), Scored(0.9), judged(0, 0.9))
    moments = [m for m, _ in report.scores]
    assert moments == sorted(set(moments))
    assert [m for m, _ in report.agreements] == moments[1:]


def test_training_goes_on_where_the_last_stroke_was():
    report = told(Scored(0.7), Trained(1, 1.0, 0.1), Trained(2, 1.0, 0.1), judged(2, 0.5))
    (stroke, _), (first, _), (second, _) = (*report.agreements, *report.losses)
    assert stroke < first < second == report.scores[0][0]


def trained(*moments):
    return tuple(Trained(n, 1.0, 0.1) for n in moments)


def test_it_is_good_once_steps_were_taken_and_held_out_strokes_are_right():
    first = (judged(0, 1.0), *trained(1))
    assert not told(*first).good
    assert told(*first, judged(1, 0.96)).good
    assert not told(*first, judged(1, 0.94)).good
    assert not told(*first, judged(1, None)).good


def test_corrections_do_not_keep_it_from_being_good_once_they_are_learnt():
    before = (judged(0, 1.0), *trained(1), judged(1, 1.0), Scored(0.0))
    answered = (*before, judged(1, 1.0))  # fitted to the stroke, with no step since
    assert not told(*before).good
    assert not told(*answered).good
    assert told(*answered, *trained(2), judged(2, 1.0)).good


def test_detail_tells_device_and_time():
    report = told(Ready("cpu", 3, "float32"), Trained(1, 0.5, 0.25))
    said = detail_sentence(report, running=True)
    assert said == "CPU, 3 threads · 0.25 s a step · step 1 · loss 0.500"
    assert "starting" in detail_sentence(Report(), running=True)
    assert "not running" in detail_sentence(Report(), running=False)


@pytest.mark.parametrize(("shrink", "says"), [(1, "full size"), (2, "half size")])
def test_detail_tells_the_working_scale(shrink, says):
    report = told(Ready("cpu", 3, "float32"), judged(0, None, shrink))
    assert detail_sentence(report, running=True) == f"CPU, 3 threads · {says}"


def test_curves_stay_short():
    report = told(*(Trained(n, 1.0, 0.1) for n in range(1, 2500)))
    assert 500 < len(report.losses) <= 2000
    assert report.losses[-1][0] == 2499


def test_forgetting_keeps_what_is_known_of_the_engine():
    report = told(Ready("cuda", 1, "bf16"), Answered(1, 0.1), Scored(0.5), Trained(1, 1.0, 0.1))
    assert report.forgotten() == told(Ready("cuda", 1, "bf16"))
