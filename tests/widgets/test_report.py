from __future__ import annotations

from napari_unet.engine.messages import Answered, Judged, Ready, Trained
from napari_unet.widgets.report import (
    Report,
    agreement_sentence,
    detail_sentence,
    score_sentence,
)


def told(*events):
    report = Report()
    for event in events:
        report = report.after(event)
    return report


def judged(step, held_out, agreement=None):
    return Judged(step, held_out, kept=True, agreement=agreement, seconds=0.1)


def test_the_score_is_told_in_words():
    assert "94\N{NO-BREAK SPACE}% of the strokes it has not" in score_sentence(
        told(judged(10, 0.94))
    )
    assert "No score yet" in score_sentence(told(judged(10, None)))


def test_a_check_without_held_out_strokes_keeps_the_last_score():
    report = told(judged(10, 0.9), judged(20, None))
    assert report.held_out == 0.9
    assert report.scores == ((10, 0.9),)


def test_agreement_is_told_only_when_known():
    assert agreement_sentence(Report()) == ""
    assert "81\N{NO-BREAK SPACE}%" in agreement_sentence(told(judged(1, None, 0.81)))


def test_detail_tells_device_and_time():
    report = told(Ready("cpu", 3, "float32"), Trained(1, 0.5, 0.25))
    said = detail_sentence(report, running=True)
    assert said == "CPU, 3 threads · 0.25 s a step · step 1 · loss 0.500"
    assert "starting" in detail_sentence(Report(), running=True)
    assert "not running" in detail_sentence(Report(), running=False)


def test_curves_stay_short():
    report = told(*(Trained(n, 1.0, 0.1) for n in range(1, 2500)))
    assert 500 < len(report.losses) <= 2000
    assert report.losses[-1][0] == 2499


def test_forgetting_keeps_what_is_known_of_the_engine():
    report = told(Ready("cuda", 1, "bf16"), Answered(1, 0.1), Trained(1, 1.0, 0.1))
    assert report.forgotten() == told(Ready("cuda", 1, "bf16"))
