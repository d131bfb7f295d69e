from __future__ import annotations

from napari_unet.core.lineage import began_with, begun, continued, descended


def test_the_same_training_goes_on_counting():
    made = {**begun(pretrained=True).told, "steps": 40, "seconds": 12.5, "seed": 3}
    past = continued(made)
    assert (past.told, past.steps, past.seconds) == ({"begun with": "bundled weights"}, 40, 12.5)


def test_a_parent_is_told_with_what_it_was_made_of():
    past = descended("cells.safetensors", "abc", {"begun with": "random weights", "steps": 7})
    assert past.told == {
        "begun with": "a model", "parent": "cells.safetensors", "parent checksum": "abc",
        "parent made": "begun with random weights, steps 7",
    }  # fmt: skip
    assert (past.steps, past.seconds) == (0, 0)


def test_ancestors_of_any_number_stay_short():
    made = {"steps": 1}
    for _ in range(50):
        made = {**descended("a" * 300, "c" * 32, made).told, "steps": 1}
    assert sum(len(str(value)) for value in made.values()) < 1400


def test_old_files_tell_by_what_they_knew():
    assert began_with({}, pretrained=True) == "bundled weights"
    assert began_with({}, pretrained=False) == "random weights"
