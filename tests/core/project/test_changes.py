from __future__ import annotations

import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_unet.core.annotations import Annotations
from napari_unet.core.project.canvas import Work, bridge
from napari_unet.core.project.changes import (
    Classes,
    Entry,
    LabelClass,
    decoded,
    difference,
    unpacked,
)
from napari_unet.core.project.errors import DamagedError

PLANE = (3, (1,))
small = st.tuples(st.integers(1, 12), st.integers(1, 12))
paints = small.flatmap(
    lambda shape: st.tuples(*[arrays(np.uint8, shape, elements=st.integers(0, 3))] * 2)
)


def entry(changes):
    return Entry(1.0, tuple(changes))


@settings(max_examples=60, deadline=None)
@given(paints)
def test_a_change_leads_forth_and_back(pair):
    before, after = (Annotations.of(paint) for paint in pair)
    changes = decoded(entry(difference(PLANE, before, after)).encoded()).changes
    work = Work({PLANE: before})
    work.apply(entry(changes))
    assert work.paint(PLANE).same_as(after)
    work.apply(entry(change.inverted() for change in changes))
    assert work.paint(PLANE).same_as(before)


def test_paint_over_several_blocks_comes_back(painted_once):
    before, after = np.zeros((700, 600), np.uint8), np.zeros((700, 600), np.uint8)
    after[200:600, 100:580] = np.random.default_rng(0).integers(0, 4, (400, 480))
    changes = difference(PLANE, Annotations.of(before), Annotations.of(after))
    work = Work()
    work.apply(decoded(entry(changes).encoded()))
    assert (work.paint(PLANE).dense() == after).all()


def test_a_stroke_takes_few_bytes():
    before, after = np.zeros((512, 512), np.uint8), np.zeros((512, 512), np.uint8)
    after[100:110, 100:200] = 2
    changes = difference(PLANE, Annotations.of(before), Annotations.of(after))
    assert len(entry(changes).encoded()) < 300


def test_blocks_that_are_shared_are_not_looked_at():
    paint = np.zeros((600, 600), np.uint8)
    paint[10:20, 10:20] = 1
    before = Annotations.of(paint)
    paint[400, 400] = 2
    after = Annotations.of(paint, before)
    (change,) = difference(PLANE, before, after)
    assert (change.y, change.x, change.height, change.width) == (400, 400, 1, 1)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_bytes_of_strangers_are_refused(body):
    with pytest.raises(DamagedError):
        decoded(body)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 255))
def test_a_changed_byte_is_refused_or_can_be_applied(at, value):
    after = np.zeros((40, 40), np.uint8)
    after[5:20, 6:30] = np.arange(24) % 3
    body = bytearray(entry(difference(PLANE, None, Annotations.of(after))).encoded())
    body[at % len(body)] = value
    try:
        found = decoded(bytes(body))
        Work().apply(found)
    except DamagedError:
        return


def test_a_small_record_cannot_ask_for_much_memory():
    bomb = zlib.compress(bytes(50_000_000))
    tracemalloc.start()
    with pytest.raises(DamagedError):
        unpacked(bomb, 100)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 1_000_000


def test_a_stroke_outside_its_plane_is_refused():
    from msgspec.structs import replace

    (change,) = difference(PLANE, None, Annotations.of(np.ones((10, 10), np.uint8)))
    for wrong in ({"y": 5}, {"shape": (9, 10)}, {"x": 250, "shape": (600, 600)}):
        with pytest.raises(DamagedError):
            decoded(entry([replace(change, **wrong)]).encoded())


def test_an_entry_is_applied_whole_or_not_at_all():
    (good,) = difference((1, ()), None, Annotations.of(np.ones((10, 10), np.uint8)))
    (other_size,) = difference((1, ()), None, Annotations.of(np.ones((12, 10), np.uint8)))
    work = Work()
    with pytest.raises(DamagedError):
        work.apply(entry([good, other_size]))
    assert work.planes == {}


def test_a_bridge_leads_from_one_state_to_another():
    one, two = Work(), Work()
    one.put((1, ()), Annotations.of(np.eye(9, dtype=np.uint8)))
    two.put((2, ()), Annotations.of(np.ones((5, 5), np.uint8)))
    two.classes = (LabelClass("a", "#000000"),)
    found = bridge(one, two, 0.0)
    one.apply(found)
    assert not one.paint((1, ())).counts.any()
    assert one.paint((2, ())).same_as(two.paint((2, ())))
    assert one.classes == two.classes
    assert bridge(one, two, 0.0) is None


def test_classes_go_through_the_log():
    change = Classes((), (LabelClass("cell", "#e69f00"),))
    assert decoded(entry([change]).encoded()).changes == (change,)
    assert change.inverted().after == ()


def test_a_name_that_is_no_text_is_damage():
    change = Classes((), (LabelClass("cell", "#e69f00"),))
    body = entry([change]).encoded()
    wrong = body.replace(b"cell", b"c\xff\xfel")
    assert wrong != body
    with pytest.raises(DamagedError, match=r"utf-8|UTF-8"):
        decoded(wrong)
