"""Volumes: stacks of slices that one network with three axes sees as a whole.

Çiçek et al. 2016 (arXiv 1606.06650) showed that strokes on a few slices train a dense volume. The
network here begins as the 2-D one: its kernels are the middle slices of the new ones, all else is
zero, so at first it says of each slice what the 2-D network says of it; it then learns what the
slices above and below tell (cf. Carreira & Zisserman 2017, arXiv 1705.07750, who share the weights
among all slices instead, which would blur across them).
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

_CLOSE, _FAR = 1.5, 3.0  # px between slices: up to here, or from here on, they tell more or less


def levels_across(anisotropy: float) -> int:
    """How many levels of a network look across slices that lie so many px apart.

    Two slices are seen on each side per level, so far ones are soon out of reach of any object.
    """
    return 3 if anisotropy < _CLOSE else 2 if anisotropy < _FAR else 1


def inflated(state: dict[str, Tensor], wanted: dict[str, Tensor]) -> dict[str, Tensor]:
    """2-D weights for a network with a third axis that is never pooled.

    Parameters
    ----------
    state : weights by name, of a 2-D network
    wanted : weights of the network to fill, of which only the shapes count

    Returns
    -------
    dict
        Kernels (O, I, h, w) as the middle slices of (O, I, 1 or 3, h, w); the rest as it is.
    """
    return {name: _deep(value, wanted[name].shape) for name, value in state.items()}


def _deep(weight: Tensor, shape: tuple[int, ...]) -> Tensor:
    if weight.ndim == len(shape):
        return weight
    around = (shape[2] - 1) // 2
    return functional.pad(weight.unsqueeze(2), (0, 0, 0, 0, around, around))
