from __future__ import annotations

import numpy as np
import pytest

from napari_unet.core.objects_fixing import FixError, compare, delete, merge, met, split


@pytest.fixture
def labels():
    """Two that touch, one apart by a gap of two pixels, one further off."""
    labels = np.zeros((30, 60), np.uint8)
    labels[5:15, 5:15], labels[5:15, 15:25] = 1, 2
    labels[5:15, 27:37] = 3
    labels[20:28, 40:55] = 4
    return labels


def applied(labels, fix):
    after = labels.copy()
    assert (fix.before == labels[fix.box]).all()
    after[fix.box] = fix.after
    return after


def test_merged_objects_are_one_and_all_of_it_is_right(labels):
    fix = merge(labels, [1, 2])
    after = applied(labels, fix)
    assert (after[5:15, 5:25] == 1).all()
    assert fix.concerned.tolist() == [1, 2]
    assert (fix.objects == 1).sum() == 200
    assert not fix.background.any()
    assert (after[:, 26:] == labels[:, 26:]).all()


def test_a_narrow_gap_is_closed(labels):
    after = applied(labels, merge(labels, [2, 3]))
    assert (after[6:14, 15:37] == 2).all()
    assert (after[5:15, 5:15] == 1).all()


def test_far_objects_can_be_one(labels):
    after = applied(labels, merge(labels, [1, 4]))
    assert (after == 1).sum() == 100 + 120


def test_one_object_alone_cannot_be_merged(labels):
    with pytest.raises(FixError, match="from one object"):
        merge(labels, [2])


def test_a_deleted_object_is_background(labels):
    fix = delete(labels, [3])
    assert not (applied(labels, fix) == 3).any()
    assert fix.background.sum() == 100
    assert not fix.objects.any()


def test_where_no_object_is_none_is_deleted(labels):
    with pytest.raises(FixError, match="no object"):
        delete(labels, [])


def test_a_split_object_is_two_without_a_gap(labels):
    fix = split(labels, [(18, 46), (29, 46)])
    after = applied(labels, fix)
    parts = after[20:28, 40:55]
    assert set(np.unique(parts)) == {4, 5}
    assert (parts[:, :6] == 5).all()  # the smaller one is new
    assert (parts[:, 7:] == 4).all()
    assert fix.concerned.tolist() == [4, 5]
    assert (fix.objects > 0).sum() == 120


def test_a_slanted_line_splits_too(labels):
    after = applied(labels, split(labels, [(19, 41), (29, 53)]))
    assert (after == 5).sum() > 20


@pytest.mark.parametrize(("path", "sentence"), [
    ([(22, 42), (24, 44)], "cut the object in two"),
    ([(0, 0), (0, 59)], "across an object"),
    ([(-9, -9), (-5, -5)], "across an object"),
])  # fmt: skip
def test_a_line_that_cuts_nothing_is_refused(labels, path, sentence):
    with pytest.raises(FixError, match=sentence):
        split(labels, path)


def test_new_ids_fill_gaps_where_the_type_is_full(labels):
    labels[labels == 4] = 255
    after = applied(labels, split(labels, [(18, 46), (29, 46)]))
    assert set(np.unique(after[20:28, 40:55])) == {255, 4}
    full = np.arange(256, dtype=np.uint8).reshape(16, 16).repeat(4, axis=0).repeat(4, axis=1)
    with pytest.raises(FixError, match="no room"):
        split(full, [(4, 0), (4, 4), (6, 2), (2, 2), (8, 2)])


def test_what_is_repainted_by_hand_concerns_both_objects(labels):
    after = labels.copy()
    after[5:15, 15:17] = 1
    fix = compare(labels, after)
    assert fix.concerned.tolist() == [1, 2]
    assert (fix.objects > 0).sum() == 200
    assert compare(labels, labels) is None


def test_what_is_erased_by_hand_is_background(labels):
    after = labels.copy()
    after[5:7, 5:15] = 0
    fix = compare(labels, after)
    assert fix.background.sum() == 20
    assert (fix.objects > 0).sum() == 80


def test_objects_under_a_path(labels):
    assert met(labels, [(10, 0), (10, 59)]) == [1, 2, 3]
    assert met(labels, [(24, 45)]) == [4]
    assert met(labels, [(0, 0)]) == []
