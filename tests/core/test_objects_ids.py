from __future__ import annotations

import numpy as np

from napari_unet.core.objects_ids import FIRST_ID, changed_ids, classes_of_values, ids_of


def test_values_are_classes_where_no_class_has_ids():
    assert (classes_of_values(()) == np.arange(256)).all()
    assert ids_of(2, ()) == ()


def test_ids_are_dealt_to_classes_in_turn():
    classes = classes_of_values((2, 5))
    assert classes[:FIRST_ID].tolist() == list(range(FIRST_ID))
    assert classes[FIRST_ID : FIRST_ID + 4].tolist() == [2, 5, 2, 5]
    assert ids_of(5, (2, 5))[:2] == (129, 131)
    assert ids_of(3, (2, 5)) == ()


def test_a_class_that_gets_ids_changes_no_other():
    values = changed_ids((), (2,))
    assert (values == np.arange(256)).all()


def test_ids_become_their_class_when_it_has_none_any_more():
    values = changed_ids((2,), ())
    assert (values[FIRST_ID:] == 2).all()
    assert (values[:FIRST_ID] == np.arange(FIRST_ID)).all()


def test_objects_stay_apart_when_another_class_gets_ids():
    values = changed_ids((2,), (2, 3))
    assert values[128:131].tolist() == [128, 130, 132]
    back = changed_ids((2, 3), (2,))
    assert back[[128, 130]].tolist() == [128, 129]
    assert back[129] == 3
