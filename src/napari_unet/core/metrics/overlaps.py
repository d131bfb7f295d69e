"""Which true and found objects share how many pixels, as a sparse table."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

Overlaps: TypeAlias = csr_array  # (truths + 1, found + 1) int64; row and column 0: no object

_BLOCK = 1 << 22  # pixels that are counted at once
_MANY = 1 << 24  # ids up to here are rows; larger ones are numbered anew first


def contingency(truth: NDArray[Any], found: NDArray[Any]) -> Overlaps:
    """Count the pixels that each true object shares with each found one.

    Parameters
    ----------
    truth, found : integer arrays of one shape
        Objects by their ids; 0 is no object. Ids need not be consecutive.

    Returns
    -------
    (truths + 1, found + 1) int64, sparse
        Rows are true objects, columns found ones; row 0 and column 0 are what is no object.

    Raises
    ------
    ValueError
        If the shapes differ, or the values are no ids.
    """
    if truth.shape != found.shape:
        raise ValueError(f"the truth is {truth.shape} and the result {found.shape}")
    rows, columns = _ids(truth, "truth"), _ids(found, "result")
    shape = int(rows.max(initial=0)) + 1, int(columns.max(initial=0)) + 1
    table: Overlaps = csr_array(shape, dtype=np.int64)
    for start in range(0, rows.size, _BLOCK):
        one, two = rows[start : start + _BLOCK], columns[start : start + _BLOCK]
        table = table + coo_array((np.ones(one.size, np.int64), (one, two)), shape).tocsr()
    return table


def _ids(labels: NDArray[Any], name: str) -> NDArray[Any]:
    """The ids as one line of row numbers."""
    if labels.dtype.kind not in "iub":
        raise ValueError(f"the {name} holds {labels.dtype} values, not ids of objects")
    ids = labels.ravel()
    if ids.size and int(ids.min()) < 0:
        raise ValueError(f"the {name} holds negative ids")
    if ids.size and int(ids.max()) > _MANY:
        known = np.union1d(ids[:0], np.append(np.unique(ids), 0))
        return np.searchsorted(known, ids)
    return ids.astype(np.int32, copy=False)


def areas(table: Overlaps) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pixels of each true and of each found object: (truths,) and (found,) int64."""
    true: NDArray[np.int64] = np.asarray(table.sum(axis=1)).ravel()[1:]
    found: NDArray[np.int64] = np.asarray(table.sum(axis=0)).ravel()[1:]
    return true, found
