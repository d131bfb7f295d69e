"""What is written into the log can be read again, whatever it is."""

from __future__ import annotations

import numpy as np
import pytest

from napari_unet.core.annotations import Annotations
from napari_unet.core.project import log
from napari_unet.core.project.changes import Classes, Entry, LabelClass, difference
from napari_unet.core.project.log import StrokeLog


def painted(value, image=1):
    paint = np.zeros((40, 50), np.uint8)
    paint[5:9, 6:30] = value
    return difference((image, ()), None, Annotations.of(paint))


def named(name):
    return Classes((), (LabelClass("background", "#56b4e9"), LabelClass(name, "#e69f00")))


def read(path):
    found = []
    _, rest = log.read(path, found.append)
    assert rest == 0
    return found


@pytest.mark.parametrize("name", ["", "n" * 501, "caf\udce9"])
def test_a_change_that_no_reader_takes_is_left_out_and_told(tmp_path, name):
    strokes = StrokeLog(tmp_path / "strokes.log")
    assert strokes.append([Entry(1.0, painted(1))]) == ()
    (wrong,) = strokes.append([Entry(2.0, (named(name),))])
    assert wrong
    assert strokes.append([Entry(3.0, painted(2))]) == ()
    times = {entry.time: entry.changes for entry in read(strokes.path)}
    assert times == {1.0: painted(1), 2.0: (), 3.0: painted(2)}


def test_what_is_right_in_the_same_entry_is_kept(tmp_path):
    strokes = StrokeLog(tmp_path / "strokes.log")
    changes = (*painted(1), named("n" * 501), *painted(2, image=2), named("cell"))
    assert len(strokes.append([Entry(1.0, changes)])) == 1
    (entry,) = read(strokes.path)
    assert entry.changes == (*painted(1), *painted(2, image=2), named("cell"))


@pytest.mark.parametrize(("how", "then"), [("do", "more"), ("undo", "base"), ("base", "base")])
def test_an_entry_that_is_too_long_is_several_records(tmp_path, monkeypatch, how, then):
    monkeypatch.setattr(log, "LARGEST", 400)
    changes = tuple(change for image in range(1, 6) for change in painted(1, image))
    strokes = StrokeLog(tmp_path / "strokes.log")
    assert strokes.append([Entry(1.0, changes, how)]) == ()
    found = read(strokes.path)
    assert len(found) == strokes.count > 1
    assert tuple(change for entry in found for change in entry.changes) == changes
    assert [entry.how for entry in found] == [how, *[then] * (len(found) - 1)]
