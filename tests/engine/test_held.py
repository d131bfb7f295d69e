"""What is held out stays held out, from one engine to the next; images kept for validation."""

from __future__ import annotations

import numpy as np
import pytest

from napari_unet.core.annotations import Annotations
from napari_unet.engine import messages as m
from napari_unet.engine.inbox import Inbox
from napari_unet.engine.session import Session

CLASSES = ("ground", "disk")


class Engine:
    """A session and all that it said."""

    def __init__(self, *commands):
        self.inbox, self.heard = Inbox(), []
        self.session = Session(spare=0)
        self._events = self.session.run(self.inbox)
        self.do(*commands)

    def do(self, *commands, until=m.Idle):
        for command in commands:
            self.inbox.post(command)
        for _ in range(2000):
            self.heard.append(next(self._events))
            if isinstance(self.heard[-1], until):
                return self
        raise AssertionError(f"no {until}")

    def last(self, kind):
        return [e for e in self.heard if isinstance(e, kind)][-1]

    def held(self, plane="a"):
        return {e.plane: e.held for e in self.heard if isinstance(e, m.Dealt)}[plane]


def painted(case, **more):
    return m.Annotate("a", Annotations.of(case.paint), **more)


@pytest.fixture
def case(toy):
    return toy()


@pytest.fixture
def begin(small, quick, case):
    def begin(*more, annotate=None, **training):
        return Engine(
            m.Configure(CLASSES, quick(**training)), m.Open("a", case.raw),
            annotate or painted(case), *more,
        )  # fmt: skip

    return begin


def test_the_window_is_told_what_is_held_out(begin, case):
    held = begin().held().dense()
    assert 0 < np.count_nonzero(held) < np.count_nonzero(case.paint)
    assert (held[held > 0] == case.paint[held > 0]).all()


def test_it_is_told_only_when_that_changes(begin, case):
    engine = begin()
    said = len([e for e in engine.heard if isinstance(e, m.Dealt)])
    engine.do(painted(case, seen=True), m.Configure(CLASSES, engine.session.bench.settings))
    assert len([e for e in engine.heard if isinstance(e, m.Dealt)]) == said == 1


def test_another_engine_holds_out_the_same(begin, case):
    other = np.zeros_like(case.paint)  # what nobody would deal by chance
    for number in (1, 2):
        y, x = np.nonzero(case.paint == number)
        other[y[::7], x[::7]] = number
    engine = begin(annotate=painted(case, seen=True, held=Annotations.of(other)))
    split = engine.session.bench.trainer.splits["a"]
    assert np.array_equal(np.where(split.held, split.paint, 0), other)


@pytest.mark.parametrize("steps", [0, 30])
def test_going_on_from_a_model_gives_the_same_score(begin, case, steps):
    half = case.paint.copy()
    half[:, case.paint.shape[1] // 2 :] = 0
    first = begin(annotate=m.Annotate("a", Annotations.of(half)))
    first.do(painted(case))  # who sees all of it at once would hold out other strokes
    trainer = first.session.bench.trainer
    for _ in range(steps):
        trainer.step()
    if steps:
        assert trainer.check().kept
        score = trainer.check().score
    else:
        score = first.last(m.Judged).held_out
    model = first.session.bench.model().to_bytes()
    again = begin(m.Restore(model), annotate=painted(case, seen=True, held=first.held()))
    assert np.array_equal(again.session.bench.trainer.splits["a"].held, trainer.splits["a"].held)
    assert again.last(m.Judged).held_out == pytest.approx(score, abs=1e-6)


def test_a_last_layer_that_was_only_fitted_is_not_judged_by_strokes_that_it_knows(begin, case):
    first = begin()
    model = first.session.bench.model()
    assert model.header.made["last layer"] == "fitted"
    annotate = painted(case, seen=True, held=first.held())
    again = begin(m.Restore(model.to_bytes()), annotate=annotate)
    assert not again.session.bench.trainer.given


def test_an_image_that_changes_keeps_what_is_held_out(begin, case):
    engine = begin()
    before = engine.held().dense()
    engine.do(m.Open("a", case.raw[:, ::-1].copy()))
    split = engine.session.bench.trainer.splits["a"]
    assert np.array_equal(np.where(split.held, split.paint, 0), before)


# -- images kept for validation ---------------------------------------------------------------


@pytest.fixture
def two(begin, case):
    """Image a to learn from, image b to judge by."""
    return begin(
        m.Open("b", case.raw),
        m.Annotate("b", Annotations.of(case.paint), aside=True),
    )


def test_paint_of_a_validation_image_is_never_learnt_from(two, begin):
    trainer, alone = two.session.bench.trainer, begin().session.bench.trainer
    assert trainer.splits["b"].held[trainer.splits["b"].paint > 0].all()
    assert np.array_equal(trainer.counts, alone.counts)
    assert {name for name, *_ in trainer._patches._planes} == {"a"}
    assert np.array_equal(trainer.predictor.weight.numpy(), alone.predictor.weight.numpy())


def test_a_validation_image_is_judged_by(begin, case):
    wrong = np.where(case.paint > 0, 3 - case.paint, 0).astype(np.uint8)
    right = begin(m.Open("b", case.raw), m.Annotate("b", Annotations.of(case.paint), aside=True))
    poor = begin(m.Open("b", case.raw), m.Annotate("b", Annotations.of(wrong), aside=True))
    assert right.last(m.Judged).held_out > 0.8
    assert poor.last(m.Judged).held_out < 0.5


def test_an_image_can_be_kept_for_validation_and_taken_back(two, case):
    bench = two.session.bench
    two.do(m.Annotate("b", Annotations.of(case.paint), seen=True))
    split = bench.trainer.splits["b"]
    assert not split.aside
    assert split.trained.any()
    assert split.held.any()
    two.do(m.Annotate("b", Annotations.of(case.paint), seen=True, aside=True))
    assert bench.trainer.splits["b"].held[case.paint > 0].all()


def test_a_new_network_does_not_learn_from_it_either(two):
    two.do(m.Reset())
    assert two.session.bench.trainer.splits["b"].aside
    assert not two.session.bench.trainer.splits["b"].trained.any()


def test_with_only_a_validation_image_it_is_said_what_is_missing(begin, case):
    engine = begin(annotate=painted(case, aside=True))
    assert "Nothing is painted" in engine.last(m.Advised).sentence
