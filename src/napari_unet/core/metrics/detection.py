"""Which objects were found: F1, average precision, SEG."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from napari_unet.core.metrics.overlaps import Overlaps, areas

Hits = tuple[int, int, int]  # found rightly, found wrongly, missed
Pairs = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]


def hits(table: Overlaps, threshold: float) -> Hits:
    """Count objects found rightly, found wrongly, and missed.

    A true and a found object match if their IoU is at least `threshold`, one to one; as many as
    possible are matched.

    Parameters
    ----------
    table : Overlaps
    threshold : float
        0…1, not 0
    """
    true, found, ious = _ious(table)
    good = ious >= threshold
    pairs = coo_array((good[good], (true[good], found[good])), table.shape).tocsr()
    matched = int((maximum_bipartite_matching(pairs, perm_type="column") >= 0).sum())
    truths, results = (int(np.count_nonzero(a)) for a in areas(table))
    return matched, results - matched, truths - matched


def f1(table: Overlaps, threshold: float = 0.5) -> float:
    """2·TP / (2·TP + FP + FN) of objects at an IoU; NaN if there are none at all."""
    right, wrong, missed = hits(table, threshold)
    return _share(2 * right, 2 * right + wrong + missed)


def average_precision(table: Overlaps, threshold: float = 0.5) -> float:
    """TP / (TP + FP + FN) of objects at an IoU; NaN if there are none at all.

    The "average precision" of the Data Science Bowl 2018 and of StarDist, at one threshold.
    """
    right, wrong, missed = hits(table, threshold)
    return _share(right, right + wrong + missed)


def jaccards(table: Overlaps) -> NDArray[np.float64]:
    """IoU of each true object with the found one that covers more than half of it, or 0."""
    true, found, ious = _ious(table)
    truths, _ = areas(table)
    covered = table[true, found] if len(true) else np.zeros(0)
    most = 2 * np.asarray(covered).ravel() > truths[true - 1]
    best = np.zeros(len(truths))
    best[true[most] - 1] = ious[most]
    return best[truths > 0]


def seg(table: Overlaps) -> float:
    """SEG of the Cell Tracking Challenge: the mean of `jaccards`; NaN without true objects."""
    scores = jaccards(table)
    return float(scores.mean()) if scores.size else float("nan")


def _ious(table: Overlaps) -> Pairs:
    """True and found object of each overlapping pair, and their IoU."""
    entries = table.tocoo()
    both = (entries.row > 0) & (entries.col > 0) & (entries.data > 0)
    true, found, shared = entries.row[both], entries.col[both], entries.data[both]
    truths, results = areas(table)
    union = truths[true - 1] + results[found - 1] - shared
    return true.astype(np.int64), found.astype(np.int64), shared / union


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
