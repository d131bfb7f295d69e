from __future__ import annotations

import pytest

from napari_unet.core.project.changes import Classes, Entry, decoded
from napari_unet.widgets.classes import ClassList, ClassListError
from napari_unet.widgets.project_values import stored_classes


def test_two_classes_to_begin_with():
    assert ClassList().names == ("background", "cell")
    assert len(set(ClassList().colours)) == 2


def test_growing_keeps_what_is_there_and_names_the_rest():
    grown = ClassList().renamed(2, "nucleus").grown(4)
    assert grown.names == ("background", "nucleus", "class 3", "class 4")
    assert len(set(grown.colours)) == 4


def test_a_new_class_never_takes_a_name_in_use():
    grown = ClassList().renamed(2, "class 3").grown(3)
    assert len(set(grown.names)) == 3


def test_all_255_classes_have_their_own_colour():
    assert len(set(ClassList().grown(255).colours)) == 255
    with pytest.raises(ClassListError, match="at most 255"):
        ClassList().grown(256)


@pytest.mark.parametrize(
    ("name", "says"),
    [("  ", "needs a name"), ("cell", "already"), ("n" * 501, "at most 500 characters")],
)
def test_bad_names_are_refused(name, says):
    with pytest.raises(ClassListError, match=says):
        ClassList().renamed(1, name)


def test_a_class_may_keep_its_own_name():
    assert ClassList().renamed(2, "cell").names == ("background", "cell")


def test_removing_closes_the_gap():
    assert ClassList().grown(3).without(2).names == ("background", "class 3")


def test_two_classes_are_the_fewest():
    with pytest.raises(ClassListError, match="Rename one instead"):
        ClassList().without(1)


def test_recolouring_changes_one():
    assert ClassList().recoloured(1, "#123456").colours == ("#123456", ClassList().colours[1])


def test_names_that_come_with_a_model_are_such_as_a_project_can_keep():
    names = ("background", "", " \n ", "n" * 501, " cell ", "caf\udce9", "class 2")
    found = ClassList.named(names)
    usable = ("background", "class 2", "class 3", "n" * 500, "cell", "caf?", "class 2")
    assert found.names == usable
    change = Classes((), stored_classes(found))
    assert decoded(Entry(1.0, (change,)).encoded()).changes == (change,)


def test_a_name_that_was_copied_from_elsewhere_can_be_kept():
    renamed = ClassList().renamed(2, " caf\udce9 ")
    assert renamed.names[1] == "caf?"
    assert ClassList().renamed(2, " " + "n" * 500 + " ").names[1] == "n" * 500
