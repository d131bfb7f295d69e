from __future__ import annotations

import numpy as np
import pytest
from skimage.metrics import contingency_table

from napari_unet.core.metrics import overlaps
from napari_unet.core.metrics.overlaps import areas, contingency

TRUTH = np.array([[1, 1, 0], [2, 2, 2]])
FOUND = np.array([[3, 0, 0], [3, 3, 1]])


def test_a_case_worked_by_hand():
    assert contingency(TRUTH, FOUND).toarray().tolist() == [
        [1, 0, 0, 0],
        [1, 0, 0, 1],
        [0, 1, 0, 2],
    ]
    true, found = areas(contingency(TRUTH, FOUND))
    assert true.tolist() == [2, 3]
    assert found.tolist() == [1, 0, 3]


def test_agrees_with_scikit_image():
    rng = np.random.default_rng(0)
    truth, found = rng.integers(0, 30, (2, 70, 50))
    reference = contingency_table(truth, found).toarray()
    assert (contingency(truth, found).toarray() == reference).all()


def test_counting_in_blocks_changes_nothing(monkeypatch):
    rng = np.random.default_rng(0)
    truth, found = rng.integers(0, 9, (2, 40, 50))
    whole = contingency(truth, found).toarray()
    monkeypatch.setattr(overlaps, "_BLOCK", 77)
    assert (contingency(truth, found).toarray() == whole).all()


def test_huge_ids_are_no_huge_table():
    huge = np.where(TRUTH == 2, np.uint64(2**40), TRUTH.astype(np.uint64))
    table = contingency(huge, FOUND)
    assert table.shape == (3, 4)
    assert (table.toarray() == contingency(TRUTH, FOUND).toarray()).all()


def test_what_is_no_id_is_refused():
    with pytest.raises(ValueError, match="the truth is"):
        contingency(TRUTH, FOUND[:1])
    with pytest.raises(ValueError, match="float64 values"):
        contingency(TRUTH * 1.0, FOUND)
    with pytest.raises(ValueError, match="result holds negative"):
        contingency(TRUTH, FOUND - 1)
