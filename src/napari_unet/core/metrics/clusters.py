r"""Which pixels belong together: Rand and information scores.

All are restricted to the foreground of the truth: pixels that are 0 there do not count. With
n_ij pixels in true object i and found object j, of N in all, p = n / N. How pixels are treated
that the result gives to no object (j = 0) differs, as it does in the literature:

=========================  ===================================  =======================
score                      pixels without a found object        counts
=========================  ===================================  =======================
adapted_rand_error         together one more object             pairs of two pixels
rand_error (ISBI 2012)     each an object of its own            pairs of two pixels
v_rand, v_info (2015)      each an object of its own            p², a pixel with itself
=========================  ===================================  =======================

References: Arganda-Carreras et al. 2015, doi 10.3389/fnana.2015.00142; Meilă 2007, doi
10.1016/j.jmva.2006.11.013.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.metrics.overlaps import Overlaps

Counts = NDArray[np.float64]


def adapted_rand_error(table: Overlaps) -> float:
    """Adapted Rand error as in scikit-image and SNEMI3D: 1 − F-score of pairs of pixels."""
    shared, true, found, alone = _foreground(table)
    return 1 - _f_score(
        _pairs(shared) + _pairs(alone), _pairs(true), _pairs(np.append(found, alone.sum()))
    )


def rand_error(table: Overlaps) -> float:
    """Rand error of the ISBI 2012 challenge: 1 − F-score of the foreground's pairs of pixels."""
    shared, true, found, _ = _foreground(table)
    return 1 - _f_score(_pairs(shared), _pairs(true), _pairs(found))


def v_rand(table: Overlaps, alpha: float = 0.5) -> float:
    """V_rand: Σ p_ij² / (α Σ s_j² + (1 − α) Σ t_i²), 1 is best (equation 3 of the 2015 paper).

    `alpha` = 1 looks at mergers only, 0 at splits only, 0.5 is the F-score.
    """
    shared, true, found, alone = _foreground(table)
    singles = alone.sum()  # each p² is 1 / N²
    together = (shared**2).sum() + singles
    whole = alpha * ((found**2).sum() + singles) + (1 - alpha) * (true**2).sum()
    return float(together / whole) if whole else float("nan")


def v_info(table: Overlaps, alpha: float = 0.5) -> float:
    """V_info: I(S; T) / (α H(S) + (1 − α) H(T)), 1 is best (equation 5 of the 2015 paper)."""
    shared, true, found, alone = _foreground(table)
    if not true.sum():
        return float("nan")
    single = np.ones(1)
    n, singles = true.sum(), alone.sum()
    in_truth = _entropy(true, n)
    in_result = _entropy(found, n) + singles * _entropy(single, n)
    joint = _entropy(shared, n) + singles * _entropy(single, n)
    whole = alpha * in_result + (1 - alpha) * in_truth
    if whole == 0:  # one object in both
        return 1.0
    return max(0.0, float((in_truth + in_result - joint) / whole))


def variation_of_information(table: Overlaps) -> tuple[float, float]:
    """H(S | T) and H(T | S) in bits, of all pixels: false splits and false mergers."""
    n = float(table.sum())
    joint = _entropy(table.data.astype(float), n)
    true = _entropy(np.asarray(table.sum(axis=1), float).ravel(), n)
    found = _entropy(np.asarray(table.sum(axis=0), float).ravel(), n)
    return max(0.0, joint - true), max(0.0, joint - found)


def _foreground(table: Overlaps) -> tuple[Counts, Counts, Counts, Counts]:
    """n_ij of pairs, true sizes, found sizes (within true objects), and n_i0."""
    inside = table[1:].tocsc()
    alone = inside[:, [0]].toarray().ravel().astype(float)
    shared = inside[:, 1:]
    found = np.asarray(shared.sum(axis=0), float).ravel()
    true = np.asarray(shared.sum(axis=1), float).ravel() + alone
    return shared.data.astype(float), true, found, alone


def _pairs(sizes: Counts) -> float:
    """Pairs of two pixels within clusters of these sizes, counted twice."""
    return float((sizes * (sizes - 1)).sum())


def _f_score(together: float, true: float, found: float) -> float:
    return 2 * together / (true + found) if true + found else float("nan")


def _entropy(counts: Counts, n: float) -> float:
    """−Σ p log₂ p."""
    shares = counts[counts > 0] / n
    return float(-(shares * np.log2(shares)).sum())
