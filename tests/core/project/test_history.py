from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_unet.core.annotations import Annotations
from napari_unet.core.project.record import Record

PLANES = [(1, ()), (2, (0,)), (2, (3,))]


def paint(record, plane, values, how="do"):
    before = record.work.paint(plane)
    changes = record.painted(plane, Annotations.of(values, before))
    return record.taken(changes, 0.0, how) if changes else None


def state(record):
    return {plane: p.dense().tobytes() for plane, p in record.work.planes.items() if p.blocks}


def plane_of(seed):
    random = np.random.default_rng(seed)
    values = np.zeros((20, 30), np.uint8)
    y, x = random.integers(0, 15, 2)
    values[y : y + 5, x : x + 9] = random.integers(1, 4)
    return values


steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(PLANES), st.integers(0, 50)), st.sampled_from(["undo", "redo"])
    ),
    max_size=14,
)


@settings(max_examples=60, deadline=None)
@given(steps)
def test_it_goes_back_and_forth_as_a_list_of_states_does(steps):
    record, states, at, log = Record(), [{}], 0, []
    for step in steps:
        if step == "undo":
            entry = record.history.undo(0.0)
            assert (entry is None) == (at == 0)
            at -= entry is not None
        elif step == "redo":
            entry = record.history.redo(0.0)
            assert (entry is None) == (at == len(states) - 1)
            at += entry is not None
        else:
            entry = paint(record, step[0], plane_of(step[1]))
            if entry is None:
                continue
            log.append(entry)
            if entry.how == "do":
                states[at + 1 :] = [state(record)]
            at += -1 if entry.how == "undo" else 1
            assert state(record) == states[at]
            continue
        if entry is not None:
            log.append(entry)
            record.follow(entry)
        assert state(record) == states[at]
    again = Record()
    for entry in log:
        again.follow(entry)
    assert state(again) == state(record)
    assert len(again.history.done) == len(record.history.done)
    assert len(again.history.undone) == len(record.history.undone)


def test_an_undo_of_the_viewers_own_is_recognised():
    record = Record()
    paint(record, PLANES[0], plane_of(1))
    assert paint(record, PLANES[0], np.zeros((20, 30), np.uint8)).how == "undo"
    assert paint(record, PLANES[0], plane_of(1)).how == "redo"


def test_what_was_there_before_is_not_undone():
    record = Record()
    paint(record, PLANES[0], plane_of(1), "base")
    paint(record, PLANES[1], plane_of(2))
    record.follow(record.history.undo(0.0))
    assert record.history.undo(0.0) is None
    assert set(state(record)) == {PLANES[0]}


def test_a_long_stroke_is_one_step():
    record, values = Record(), np.zeros((20, 30), np.uint8)
    for number, how in enumerate(("do", "more", "more")):
        values[number, :] = 1
        paint(record, PLANES[0], values.copy(), how)
    record.follow(record.history.undo(0.0))
    assert state(record) == {}
    record.follow(record.history.redo(0.0))
    assert (record.work.paint(PLANES[0]).dense() == values).all()
