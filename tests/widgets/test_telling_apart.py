"""Objects of a class with ids of their own: painted, counted, undone, and told to the engine."""

from __future__ import annotations

import hands
import numpy as np
import pytest

from napari_unet.engine.messages import Annotate
from napari_unet.widgets.classes import ClassList, ClassListError


@pytest.fixture
def apart(studio, panel):
    """The class “cell” is painted object by object."""
    studio.roster.select(2)
    panel.classes.apart.click()
    return studio


def paint_object(studio, window):
    hands.paint(studio, studio.desk.active.paint.selected_label, window)
    studio.project._witness.settle()  # so that it is a step of its own to undo


def test_the_background_has_no_objects(studio, panel):
    studio.roster.select(1)
    assert not panel.classes.apart.isEnabled()
    with pytest.raises(ClassListError, match="background"):
        ClassList().telling_apart(1, on=True)


def test_each_object_gets_an_id_of_its_own(apart, panel):
    layer = apart.desk.active.paint
    assert layer.selected_label == 128
    paint_object(apart, np.s_[20:40, 20:40])
    panel.classes.next.click()
    assert layer.selected_label == 129
    assert apart.roster.selected == 2
    paint_object(apart, np.s_[20:40, 40:60])
    assert panel.classes.table.item(1, 1).text() == "2 objects, 800 px"
    assert apart.desk.counts[2] == 800
    assert apart.situation.painted == ("cell",)


def test_the_engine_is_told_which_values_are_objects(apart, monkeypatch):
    told = []
    apart.desk.planes.say.connect(told.append)
    paint_object(apart, np.s_[20:40, 20:40])
    paints = [m for m in told if isinstance(m, Annotate)]
    assert paints[-1].annotations.objects == (2,)
    assert paints[-1].annotations.counts[128] == 400


def test_when_all_ids_are_used_those_of_other_planes_come_again(apart):
    layer = apart.desk.active.paint
    layer.data[0, :128] = np.arange(128, 256)
    layer.events.data(value=layer.data)
    apart.roster.next_object()
    assert 128 <= layer.selected_label < 256


def test_told_apart_no_more_they_are_paint_of_their_class(apart, panel, viewer):
    paint_object(apart, np.s_[20:40, 20:40])
    apart.roster.next_object()
    paint_object(apart, np.s_[20:40, 40:60])
    panel.classes.apart.click()
    layer = apart.desk.active.paint
    assert (layer.data[20:40, 20:60] == 2).all()
    assert layer.selected_label == 2
    apart.project.undo()
    assert layer.data[30, 30] == 128
    assert layer.data[30, 50] == 129
    assert apart.roster.classes.objects == (2,)
    apart.project.redo()
    assert (layer.data[20:40, 20:60] == 2).all()
    assert apart.roster.classes.objects == ()


def test_two_classes_share_the_ids(apart, panel):
    paint_object(apart, np.s_[20:40, 20:40])
    apart.roster.next_object()
    paint_object(apart, np.s_[20:40, 40:60])
    apart.roster.set(apart.roster.classes.grown(3))
    apart.roster.tell_apart(3, on=True)
    layer = apart.desk.active.paint
    assert layer.data[30, 30] == 128
    assert layer.data[30, 50] == 130
    assert layer.selected_label == 129
    apart.project._witness.settle()
    paint_object(apart, np.s_[60:70, 40:60])
    assert apart.desk.counts[2:4].tolist() == [800, 200]
    apart.project.undo()  # the stroke
    apart.project.undo()  # the change of ids
    assert layer.data[30, 50] == 129
    assert apart.roster.classes.objects == (2,)


def test_removing_another_class_leaves_the_objects(apart):
    paint_object(apart, np.s_[20:40, 20:40])
    apart.roster.set(apart.roster.classes.grown(3))
    apart.roster.tell_apart(3, on=True)
    paint_object(apart, np.s_[60:70, 40:60])
    apart.roster.remove(2)
    layer = apart.desk.active.paint
    assert apart.roster.classes.objects == (2,)
    assert (layer.data[20:40, 20:40] == 0).all()
    assert layer.data[65, 50] >= 128
    assert apart.desk.counts[:4].tolist() == [0, 0, 200, 0]


def test_names_of_a_model_leave_the_objects(apart):
    paint_object(apart, np.s_[20:40, 20:40])
    apart.roster.adopt(("ground", "nucleus"))
    assert apart.roster.classes.objects == (2,)
    assert apart.desk.active.paint.data[30, 30] == 128


def test_objects_have_colours(apart):
    colours = apart.desk.active.paint.colormap.color_dict
    assert len({tuple(np.round(colours[k], 3)) for k in (128, 129, 130)}) == 3
