from __future__ import annotations

import numpy as np
import pytest

from napari_unet.core.measurements import Place, measure, stacked

LABELS = np.zeros((40, 60), np.uint16)
LABELS[10:20, 10:30] = 7
y, x = np.mgrid[:40, :60]
LABELS[np.hypot(y - 25, x - 45) <= 8] = 3
GREY = (x * 2).astype(np.float32)


def test_a_rectangle_measured_by_hand():
    table = measure(LABELS, {"dapi": GREY})
    assert table["index"].tolist() == [3, 7]
    (row,) = np.flatnonzero(table["index"] == 7)
    assert table["area (px²)"][row] == 200
    assert table["equivalent diameter (px)"][row] == pytest.approx(2 * np.sqrt(200 / np.pi))
    assert table["Feret diameter (px)"][row] == pytest.approx(np.hypot(10, 20), abs=1)
    assert table["major axis (px)"][row] == pytest.approx(20 * 2 / np.sqrt(3), rel=0.01)
    assert table["minor axis (px)"][row] == pytest.approx(10 * 2 / np.sqrt(3), rel=0.01)
    assert table["solidity"][row] == 1
    assert (table["centroid y (px)"][row], table["centroid x (px)"][row]) == (14.5, 19.5)
    assert table["dapi mean"][row] == pytest.approx(39)
    assert (table["dapi min"][row], table["dapi max"][row]) == (20, 58)


def test_a_disk_is_round():
    table = measure(LABELS)
    assert table["eccentricity"][0] < 0.1
    assert table["solidity"][0] > 0.9
    assert table["equivalent diameter (px)"][0] == pytest.approx(16, abs=0.6)


def test_physical_units():
    table = measure(LABELS, place=Place((0.5, 0.25), (100, 200), "µm"))
    row = 1
    assert table["area (µm²)"][row] == pytest.approx(200 * 0.125)
    assert table["centroid y (µm)"][row] == pytest.approx(100 + 14.5 * 0.5)
    assert table["centroid x (µm)"][row] == pytest.approx(200 + 19.5 * 0.25)
    assert table["Feret diameter (µm)"][row] == pytest.approx(np.hypot(5, 5), abs=0.5)
    # 10 × 0.5 by 20 × 0.25: a square
    assert table["eccentricity"][row] < 0.1
    assert not any("px" in name for name in table)


def test_nothing_to_measure_has_all_columns():
    empty = measure(LABELS * 0, {"dapi": GREY})
    assert empty.keys() == measure(LABELS, {"dapi": GREY}).keys()
    assert all(len(column) == 0 for column in empty.values())


def test_the_smallest_objects_are_measured_without_a_warning():
    tiny = np.zeros((9, 9), np.uint8)
    tiny[1, 1], tiny[3, 2:5], tiny[5:7, 6] = 1, 2, 3
    table = measure(tiny, {"grey": tiny})
    assert table["area (px²)"].tolist() == [1, 3, 2]
    assert table["solidity"].tolist() == [1, 1, 1]
    assert np.isfinite(np.array(list(table.values()), float)).all()


def test_planes_are_stacked_with_their_positions():
    one, two = measure(LABELS), measure(LABELS)
    two["index"] = two["index"] + 7
    table = stacked([one, two], {"t": (0, 4)})
    assert list(table)[:2] == ["index", "t"]
    assert table["index"].tolist() == [3, 7, 10, 14]
    assert table["t"].tolist() == [0, 0, 4, 4]
    assert len(table["solidity"]) == 4


def test_napari_finds_the_row_of_a_label():
    from napari.layers import Labels

    layer = Labels(LABELS, features=measure(LABELS))
    assert "area (px²): 200" in " ".join(map(str, layer.get_status((15, 15)).values()))
    assert layer.features["index"].tolist() == [3, 7]
