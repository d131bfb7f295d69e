"""Memory that runs out and weights that are not numbers: what the user is told."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_unet.core.annotations import Annotations
from napari_unet.engine import messages as m
from napari_unet.engine.inbox import Inbox
from napari_unet.engine.session import Session

OUT_OF_MEMORY = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 3 GiB")


@pytest.fixture
def run(small, quick, toy):
    """A session that learnt the toy, and what it says up to an event."""
    case, inbox = toy(), Inbox()
    session = Session(spare=0)
    events = session.run(inbox)

    def run(*commands, until=m.Idle):
        heard = []
        for command in commands:
            inbox.post(command)
        for _ in range(500):
            heard.append(next(events))
            if isinstance(heard[-1], until):
                return heard
        raise AssertionError(f"no {until}")

    run(
        m.Configure(("ground", "disk"), quick()), m.Open("a", case.raw),
        m.Look("a", (0, 0, 99, 99)), m.Annotate("a", Annotations.of(case.paint)),
    )  # fmt: skip
    run.bench, run.trainer, run.paint = session.bench, session.bench.trainer, case.paint
    return run


def fail(*args):
    raise OUT_OF_MEMORY


def test_training_that_does_not_fit_is_told_in_a_sentence_and_can_be_started_again(
    run, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setattr(run.trainer.tuner, "step", fail)
        heard = run(m.Train(), until=m.Refused)
        assert "smaller patches" in heard[-1].sentence
        assert isinstance(run()[-1], m.Idle)  # training is paused
    assert run(m.Train(), until=m.Trained)


def test_a_prediction_that_does_not_fit_is_told_in_a_sentence(run, monkeypatch):
    paint = run.paint.copy()
    paint[30:33, 2:9] = 1
    with monkeypatch.context() as patch:
        patch.setattr(run.trainer.predictor, "forward", fail)
        patch.setattr(run.trainer.predictor, "_cache", {})
        heard = run(m.Look("a", (0, 0, 9, 9), 1), until=m.Refused)
        assert "not even in the smallest tiles" in heard[-1].sentence
    assert run(m.Annotate("a", Annotations.of(paint)), until=m.Predicted)


def test_weights_that_are_not_numbers_are_told(run, monkeypatch):
    step = run.trainer.tuner.step

    def diverge(batch, teacher):
        loss = step(batch, teacher)
        with torch.no_grad():
            next(run.trainer.tuner.averaged.parameters()).fill_(torch.nan)
        return loss

    monkeypatch.setattr(run.trainer.tuner, "step", diverge)
    heard = run(m.Train(), until=m.Advised)
    assert "went back to the last good network" in heard[-1].sentence
    assert run(until=m.Trained)  # and goes on


def test_another_error_is_not_taken_for_want_of_memory(run, monkeypatch):
    def stumble(*args):
        raise RuntimeError("CUDA error: device-side assert triggered")

    monkeypatch.setattr(run.trainer.tuner, "step", stumble)
    with pytest.raises(RuntimeError, match="device-side"):
        run(m.Train())


@pytest.mark.parametrize(
    ("command", "of"),
    [
        (m.Open("b", np.zeros((1, 40, 40), np.uint8)), "open"),
        (m.Export(), "model"),
    ],
)
def test_a_command_that_does_not_fit_is_told_in_a_sentence(run, monkeypatch, command, of):
    with monkeypatch.context() as patch:
        patch.setattr(run.bench, of, fail)
        heard = run(command, m.Train(), until=m.Refused)
        assert "choose the device cpu" in heard[-1].sentence
        assert heard[-1].withheld == isinstance(command, m.Export)
    assert run(m.Train(), until=m.Trained)


def test_another_error_of_a_command_is_not_taken_for_want_of_memory(run, monkeypatch):
    def stumble(*args):
        raise RuntimeError("CUDA error: device-side assert triggered")

    monkeypatch.setattr(run.bench, "model", stumble)
    with pytest.raises(RuntimeError, match="device-side"):
        run(m.Export())
