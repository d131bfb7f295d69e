from __future__ import annotations

import numpy as np
import pytest
from skimage.measure import label

from napari_unet.core.annotations import AnnotationError, Annotations
from napari_unet.core.objects_ids import ids_of
from napari_unet.core.objects_paint import class_map, classes_of, coded, dealt

# background around two objects that touch, two that do not, and an unlabelled corner
OBJECTS = np.ones((40, 60), np.uint16)
OBJECTS[10:20, 10:20], OBJECTS[10:20, 20:30] = 2, 7
OBJECTS[28:36, 10:20], OBJECTS[28:36, 24:34] = 300, 4
OBJECTS[:5, :5] = 0


def test_touching_objects_get_a_ridge_of_one_pixel():
    classes = classes_of(OBJECTS)
    assert (classes[10:20, 19] == 1).all()
    assert (classes[10:20, 18] == 2).all()
    assert (classes[10:20, 20] == 2).all()
    assert label(classes == 2, connectivity=2).max() == 4
    assert (classes[:5, :5] == 0).all()
    assert (classes == 2).sum() == (OBJECTS > 1).sum() - 10


def test_corners_that_touch_are_kept_apart_too():
    falling = np.array([[2, 1], [1, 3]])
    assert label(classes_of(falling) == 2, connectivity=2).max() == 1
    assert classes_of(falling).tolist() == [[1, 1], [1, 2]]
    rising = np.array([[1, 2], [3, 1]])
    assert classes_of(rising).tolist() == [[1, 1], [2, 1]]


def test_random_maps_never_join_objects():
    rng = np.random.default_rng(0)
    for _ in range(20):
        objects = rng.integers(0, 5, (6, 6)).repeat(4, axis=0).repeat(4, axis=1)
        classes = classes_of(objects)
        regions = label(classes == 2, connectivity=2)
        for number in range(1, regions.max() + 1):
            assert len(np.unique(objects[regions == number])) == 1


def test_painted_ids_become_their_classes_with_a_ridge():
    paint = np.zeros((6, 12), np.uint8)
    paint[0], paint[1] = 1, 3
    paint[3:, :4], paint[3:, 4:8], paint[3:, 8:] = 128, 129, 2  # 2: of the class, without an id
    classes = class_map(Annotations.of(paint, objects=(2,)))
    assert (classes[:2] == paint[:2]).all()
    assert (classes[3:] == [2, 2, 2, 1, 2, 2, 2, 1, 2, 2, 2, 2]).all()
    assert classes[2].max() == 0


def test_objects_of_two_classes_are_parted_and_those_of_other_classes_are_not():
    paint = np.array([[128, 128, 129, 129, 4, 4]], np.uint8).repeat(3, axis=0)
    classes = class_map(Annotations.of(paint, objects=(2, 3)))
    assert classes[0].tolist() == [2, 1, 3, 3, 4, 4]


def test_without_objects_paint_is_as_it_is():
    paint = np.array([[1, 2, 128, 129]], np.uint8)
    assert (class_map(Annotations.of(paint)) == paint).all()


def test_images_of_objects_become_paint():
    sparse = coded(OBJECTS, "sparse")
    assert (sparse[:5, :5] == 0).all()
    assert ((sparse == 1) == (OBJECTS == 1)).all()
    assert len({int(sparse[k == OBJECTS][0]) for k in (2, 4, 7, 300)}) == 4
    dense = coded(np.array([[0, 1, 1, 2]]), "dense")
    assert dense[0, 0] == 1
    assert dense[0, 1] == dense[0, 2] != dense[0, 3]
    assert (dense[0, 1:] >= 128).all()


def test_thousands_of_objects_find_room_for_their_ids():
    rng = np.random.default_rng(0)
    labels = rng.permutation(4000).reshape(50, 80).repeat(3, axis=0).repeat(3, axis=1) + 1
    paint = coded(labels, "dense")
    assert classes_of(labels + 1).sum() == class_map(Annotations.of(paint, objects=(2,))).sum()
    few = dealt(labels, np.zeros(labels.shape, np.uint8), ids_of(2, tuple(range(2, 12))))
    assert (class_map(Annotations.of(few, objects=(2,))) == classes_of(labels + 1)).all()


def test_ids_differ_from_those_of_paint_around():
    around = np.full((3, 6), 128, np.uint8)
    objects = np.array([[0, 0, 1, 2, 0, 0]]).repeat(3, axis=0)
    values = dealt(objects, around, (128, 129, 130))
    assert {int(values[0, 2]), int(values[0, 3])} == {129, 130}
    assert dealt(objects, around, (128,))[0, 2] == 128  # nothing else is left


@pytest.mark.parametrize("bad", [np.zeros((2, 2, 2), int), np.zeros((2, 2)), -np.ones((2, 2), int)])
def test_what_is_no_image_of_objects_is_refused(bad):
    with pytest.raises(AnnotationError):
        coded(bad, "dense")
