"""What the thread that makes objects reads, while the window goes on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from napari.layers import Image, Labels

from napari_unet.core.measurements import Place
from napari_unet.core.objects import ObjectSettings, find_objects
from napari_unet.widgets import object_maker, pyramid
from napari_unet.widgets.certainty import SAID, Certainty, certainty_of, keep
from napari_unet.widgets.object_maker import ObjectMaker
from napari_unet.widgets.object_making import Task, make
from napari_unet.widgets.object_preview import Wish

SHAPE = (2, 60, 200)


def bar():
    """A bar of class 2 in each plane, and how sure the network is: less across the middle."""
    classes, sure = np.ones(SHAPE, np.uint8), np.full(SHAPE, 255, np.uint8)
    classes[:, 5:55, 10:190] = 2
    sure[:, 5:55, 96:104] = 140
    return classes, sure


@pytest.fixture
def asked(monkeypatch, qtbot):
    """Has a layer and its certainty, in memory or not; gives what the thread is asked to do."""

    def ask(*, live, on_disk=False):
        monkeypatch.setattr(pyramid, "_IN_MEMORY", 0 if on_disk else 1 << 20)
        classes, sure = bar()
        data = pyramid.blank(SHAPE)
        data[...] = classes
        layer = Labels(data)
        said = keep(layer, Certainty(pyramid.empty(SHAPE, SAID)))
        for z in range(SHAPE[0]):
            said.write((z,), 0, 0, classes[z], sure[z])
        tasks = []
        monkeypatch.setattr(object_maker, "make", lambda task, _: tasks.append(task))
        maker, image = ObjectMaker(), Image(np.zeros(SHAPE))
        maker._work.done.disconnect()
        maker.start(Wish(image, layer, 2, ObjectSettings()), [image], live=live)
        qtbot.waitUntil(lambda: bool(tasks), timeout=5000)
        maker._work.stop()
        return layer, tasks[0]

    return ask


def changed(layer):
    """All is predicted, or painted, otherwise."""
    for z in range(SHAPE[0]):
        certainty_of(layer).write((z,), 0, 0, np.ones(SHAPE[1:], int), np.ones(SHAPE[1:], int))
    layer.data[...] = 1


def test_a_live_prediction_is_taken_as_it_is(asked):
    layer, task = asked(live=True)
    changed(layer)
    classes, sure = bar()
    found = make(task, lambda *_: None)
    assert np.array_equal(found.labels[0], find_objects(classes[0], 2, probability=sure[0]))
    assert found.count == 4


@pytest.mark.parametrize("on_disk", [False, True])
def test_what_a_result_holds_is_not_copied_in_the_window(asked, on_disk):
    layer, task = asked(live=False, on_disk=on_disk)
    assert task.classes is layer.data
    assert task.certainty is certainty_of(layer)


def test_a_large_live_prediction_is_not_copied_in_the_window(asked):
    layer, task = asked(live=True, on_disk=True)
    assert isinstance(layer.data, np.memmap)
    assert task.classes is layer.data
    assert task.certainty is certainty_of(layer)


@pytest.mark.parametrize(("live", "on_disk"), [(True, True), (False, True), (False, False)])
def test_no_plane_changes_while_it_is_worked_on(asked, live, on_disk):
    layer, task = asked(live=live, on_disk=on_disk)
    classes, sure = task.plane((0,))
    if live:
        changed(layer)
    else:
        layer.data[...] = 1
    wanted, probability = bar()
    assert np.array_equal(classes, wanted[0])
    assert np.array_equal(sure[:, :], probability[0])


def test_without_certainty_objects_are_cut_by_shape_alone():
    classes, _ = bar()
    task = Task(classes, 2, ObjectSettings(), (), Place(), ("z",))
    assert make(task, lambda *_: None).count == 2
    assert make(replace(task, live=True), lambda *_: None).count == 2
