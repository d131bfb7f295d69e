from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage as ndi
from skimage.measure import label
from skimage.segmentation import watershed

from napari_unet.core import objects_parts
from napari_unet.core.objects import ObjectSettings, find_objects
from napari_unet.core.settings import declared

PLAIN = ObjectSettings(split=False, smallest=0, holes=0)


def disks(*places, shape=(80, 120)):
    """A class map with disks (y, x, radius) of class 2 on class 1."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    classes = np.ones(shape, np.uint8)
    for row, column, radius in places:
        classes[np.hypot(y - row, x - column) <= radius] = 2
    return classes


def blobs(seed, shape=(97, 131), sigma=3):
    noise = np.random.default_rng(seed).random(shape)
    return (ndi.gaussian_filter(noise, sigma) > 0.5).astype(np.uint8) + 1


# -- no tile can be seen -------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings_",
    [
        PLAIN,
        ObjectSettings(),
        ObjectSettings(strength=1, smallest=5, holes=12, whole=True),
        ObjectSettings(split=False, holes=500, smallest=40),
    ],
    ids=["plain", "default", "eager", "unsplit"],
)
@pytest.mark.parametrize("probability", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_tiles_change_nothing(settings_, probability, seed):
    classes = blobs(seed, sigma=2 + seed)
    given_ = np.random.default_rng(9).random(classes.shape) if probability else None
    whole = find_objects(classes, 2, settings_, probability=given_, tile=1000)
    assert whole.max() > 3
    for tile in (9, 50) if seed == 0 else (16, 64):
        got = find_objects(classes, 2, settings_, probability=given_, tile=tile)
        assert got.dtype == whole.dtype
        assert np.array_equal(got, whole)


@settings(max_examples=60)
@given(
    arrays(np.uint8, st.tuples(st.integers(1, 14), st.integers(1, 14)), elements=st.integers(1, 2)),
    st.integers(1, 6),
    st.booleans(),
)
def test_tiles_change_nothing_in_any_map(classes, tile, split):
    settings_ = ObjectSettings(split=split, smallest=2, holes=3)
    whole = find_objects(classes, 2, settings_, tile=100)
    assert np.array_equal(find_objects(classes, 2, settings_, tile=tile), whole)


def test_tiles_change_nothing_where_distances_end(monkeypatch):
    """Objects wider than what is looked at, and than the farthest distance."""
    from napari_unet.core import objects_cuts

    classes = disks((60, 60, 50), (60, 150, 55), shape=(120, 210))
    monkeypatch.setattr(objects_cuts, "_NEAR", 4)
    results = []
    for farthest in (4096, 16):
        monkeypatch.setattr(objects_cuts, "FARTHEST", farthest)
        whole = find_objects(classes, 2, tile=1000)
        assert np.array_equal(find_objects(classes, 2, tile=30), whole)
        results.append(int(whole.max()))
    assert results[0] == 2


def test_a_plane_of_one_class_is_one_object():
    everything = np.full((70, 90), 2, np.uint8)
    for tile in (16, 100):
        assert (find_objects(everything, 2, tile=tile) == 1).all()
        assert (find_objects(everything, 1, tile=tile) == 0).all()


# -- what objects are ----------------------------------------------------------------------


@given(arrays(np.uint8, (9, 12), elements=st.integers(0, 3)))
def test_without_splitting_it_is_scikit_images_labelling(classes):
    assert np.array_equal(find_objects(classes, 2, PLAIN), label(classes == 2, connectivity=1))


def test_touching_disks_are_cut_in_two():
    classes = disks((40, 40, 20), (40, 76, 20))
    found = find_objects(classes, 2)
    assert found.max() == 2
    assert (found[:, :56][classes[:, :56] == 2] == found[40, 40]).all()
    assert (found[:, 61:][classes[:, 61:] == 2] == found[40, 76]).all()
    assert find_objects(classes, 2, ObjectSettings(split=False)).max() == 1
    assert find_objects(classes, 2, ObjectSettings(strength=0)).max() == 1


def test_the_strength_says_how_narrow_a_neck_is_cut():
    classes = disks((40, 40, 20), (40, 70, 20))  # the neck is 2/3 as wide as the disks
    assert find_objects(classes, 2, ObjectSettings(strength=0.6)).max() == 1
    assert find_objects(classes, 2, ObjectSettings(strength=0.75)).max() == 2


def test_one_rough_object_stays_one():
    noise = ndi.gaussian_filter(np.random.default_rng(0).normal(size=(90, 90)), 1.5)
    rough = ndi.gaussian_filter((disks((45, 45, 30), shape=(90, 90)) == 2) * 1.0, 2)
    classes = (rough + noise / noise.std() * 0.12 > 0.5).astype(np.uint8) + 1
    assert find_objects(classes, 2).max() == 1


def test_the_probability_cuts_where_the_shape_does_not():
    bar = np.ones((30, 100), np.uint8)
    bar[5:25, 5:95] = 2
    probability = np.full(bar.shape, 255, np.uint8)
    probability[:, 45:52] = 100
    assert find_objects(bar, 2).max() == 1
    found = find_objects(bar, 2, probability=probability)
    assert found.max() == 2
    assert found[15, 40] != found[15, 60]
    share = find_objects(bar, 2, probability=probability / 255)
    assert np.array_equal(found, share)


@pytest.mark.parametrize("soft", [0, 1, 2])
@pytest.mark.parametrize("off", [0, 5, 9])
@pytest.mark.parametrize("inside", [0, 0.4, 1])
def test_the_probability_cuts_no_ring_around_a_hole_that_is_filled(soft, off, inside):
    """At its rim the network is unsure, and in it of something else."""
    y, x = np.mgrid[:80, :80]
    ring = (np.hypot(y - 40, x - 40) <= 20) & (np.hypot(y - 40, x - 40 - off) > 5)
    probability = ndi.gaussian_filter(ring.astype(np.float32), soft)
    classes = (probability > 0.5).astype(np.uint8) + 1
    probability[classes == 1] = inside
    found = find_objects(classes, 2, probability=probability)
    assert found.max() == 1
    assert found[40, 40 + off] == 1
    for tile in (7, 33):
        got = find_objects(classes, 2, probability=probability, tile=tile)
        assert np.array_equal(got, found)


@pytest.mark.parametrize("seed", range(3))
def test_only_the_probability_within_the_class_counts(seed):
    """So one map of how sure the network is of each pixel's class does for all classes."""
    classes = blobs(seed)
    other = np.random.default_rng(seed).integers(0, 255, classes.shape, np.uint8)
    whole = find_objects(classes, 2, probability=other)
    assert not np.array_equal(whole, find_objects(classes, 2))
    for outside in (0, 255):
        own = np.where(classes == 2, other, outside)
        assert np.array_equal(find_objects(classes, 2, probability=own, tile=50), whole)


def test_agrees_with_the_flooding_of_scikit_image():
    """Both cut at the same lines, but for pixels at the line itself."""
    classes = blobs(1, (300, 300), 8)
    found = find_objects(classes, 2, ObjectSettings(holes=0, smallest=0))
    height = ndi.distance_transform_edt(classes == 2)
    peaks = ndi.maximum(height, found, np.arange(found.max() + 1))
    cores = np.where(height > 0.9 * peaks[found], found, 0).astype(np.int32)
    flooded = watershed(-height, cores, mask=classes == 2)
    assert (flooded == found).mean() > 0.99


def test_small_ones_are_dropped():
    classes = disks((20, 20, 10), (60, 60, 2))
    assert find_objects(classes, 2, ObjectSettings(smallest=13)).max() == 2
    assert find_objects(classes, 2, ObjectSettings(smallest=14)).max() == 1


def test_a_small_part_stays_with_its_neighbour():
    classes = disks((30, 30, 15))
    classes[28:33, 48:53] = 2  # a knob on a stalk
    classes[30, 44:50] = 2
    found = find_objects(classes, 2, ObjectSettings(smallest=40))
    assert found.max() == 1
    assert (found[classes == 2] == 1).all()


def test_small_holes_are_filled_but_not_bays():
    classes = blobs(4, (120, 140), 2)
    found = find_objects(classes, 2, ObjectSettings(split=False, smallest=0, holes=25), tile=31)
    outside = label(classes != 2, connectivity=2)
    edges = (outside[0], outside[-1], outside[:, 0], outside[:, -1])
    hole = np.bincount(outside.ravel()) <= 25
    hole[np.unique(np.concatenate(edges))] = False
    assert hole[outside].any()
    assert np.array_equal(found > 0, (classes == 2) | (hole[outside] & (outside > 0)))


def test_a_hole_of_another_class_is_filled_with_the_object():
    classes = disks((40, 40, 20))
    classes[38:42, 38:42] = 3
    assert find_objects(classes, 2)[40, 40] == 1
    assert find_objects(classes, 2, ObjectSettings(holes=15))[40, 40] == 0


def test_objects_at_the_border_are_dropped_on_request():
    classes = disks((40, 60, 10), (0, 20, 8), (40, 119, 8), (79, 60, 8), (40, 0, 8))
    assert find_objects(classes, 2).max() == 5
    found = find_objects(classes, 2, ObjectSettings(whole=True))
    assert found.max() == 1
    assert found[40, 60] == 1
    # the part of an image: its first row is the image's, the other sides are not
    part = find_objects(classes, 2, ObjectSettings(whole=True), sides=(True, False, False, False))
    assert part.max() == 4


def test_numbers_go_in_reading_order_without_gaps():
    found = find_objects(blobs(2), 2, ObjectSettings(split=False))
    first = [np.flatnonzero(found == k)[0] for k in range(1, found.max() + 1)]
    assert first == sorted(first)


# -- arrays and types ----------------------------------------------------------------------


@pytest.mark.parametrize(("count", "dtype"), [(0, "uint8"), (255, "uint8"), (256, "uint16")])
def test_the_type_is_the_smallest_that_fits(count, dtype):
    classes = np.ones((32, 34), np.uint8)
    places = np.argwhere(np.indices((32, 34)).sum(axis=0) % 2 == 0)[:count]
    classes[tuple(places.T)] = 2
    found = find_objects(classes, 2, PLAIN)
    assert (found.max(), found.dtype) == (count, dtype)


class Lazy:
    """An array that can only be read window by window."""

    def __init__(self, data, largest):
        self.data, self.largest, self.shape = data, largest, data.shape

    def __getitem__(self, window):
        part = self.data[window]
        assert part.size <= self.largest
        return part


def test_only_windows_are_read(tmp_path):
    classes = blobs(0, (200, 220))
    np.save(tmp_path / "classes.npy", classes)
    memory_map = np.load(tmp_path / "classes.npy", mmap_mode="r")
    lazy = Lazy(memory_map, (64 + 2 * 65) ** 2)
    assert np.array_equal(find_objects(lazy, 2, tile=64), find_objects(classes, 2))


def test_large_results_are_kept_on_disk(monkeypatch):
    classes = blobs(0)
    whole = find_objects(classes, 2)
    monkeypatch.setattr(objects_parts, "_LARGE", 100)
    found = find_objects(classes, 2, tile=40)
    assert isinstance(found, np.memmap)
    assert np.array_equal(found, whole)


def test_progress_comes_to_its_end_and_can_stop_the_work():
    told = []
    find_objects(blobs(0), 2, tile=64, progress=lambda *now: told.append(now))
    assert told[-1][0] == told[-1][1] == len(told)

    def stop(*_):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        find_objects(blobs(0), 2, tile=64, progress=stop)


def test_every_setting_says_what_it_is():
    knobs = list(declared(ObjectSettings()))
    assert [knob.name for knob in knobs] == list(ObjectSettings.__struct_fields__)
    for knob in knobs:
        assert knob.label
        assert knob.tip.endswith(".")
