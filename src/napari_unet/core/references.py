"""What a paper cites that used a model of this program."""

from __future__ import annotations

from typing import NamedTuple


class Reference(NamedTuple):
    """What to cite: the text without its address, and the address, if there is one."""

    text: str
    doi: str = ""
    url: str = ""

    def __str__(self) -> str:
        address = self.url or (f"https://doi.org/{self.doi}" if self.doi else "")
        return f"{self.text} {address}".strip()


def program(named: str) -> Reference:
    """The entry of this program; `named` has its version. It has no address to cite yet."""
    return Reference(
        f"The napari-unet developers. napari-unet ({named}). Software, BSD-3-Clause licence."
    )


UNET = Reference(
    "Ronneberger O., Fischer P., Brox T. (2015). U-Net: Convolutional Networks for Biomedical "
    "Image Segmentation. In: Medical Image Computing and Computer-Assisted Intervention – MICCAI "
    "2015, pp. 234–241. Springer.",
    doi="10.1007/978-3-319-24574-4_28",
)
PYTORCH = Reference(
    "Paszke A. et al. (2019). PyTorch: An Imperative Style, High-Performance Deep Learning "
    "Library. In: Advances in Neural Information Processing Systems 32, pp. 8024–8035.",
    url="https://arxiv.org/abs/1912.01703",
)
NAPARI = Reference(
    "napari contributors (2019). napari: a multi-dimensional image viewer for Python.",
    doi="10.5281/zenodo.3555620",
)
ADAMW = Reference(
    "Loshchilov I., Hutter F. (2019). Decoupled Weight Decay Regularization. In: International "
    "Conference on Learning Representations.",
    url="https://arxiv.org/abs/1711.05101",
)
RIDGE = Reference(
    "Bertinetto L., Henriques J. F., Torr P. H. S., Vedaldi A. (2019). Meta-learning with "
    "differentiable closed-form solvers. In: International Conference on Learning Representations.",
    url="https://arxiv.org/abs/1805.08136",
)


class Cited:
    """References in the order in which they are cited.

    Attributes
    ----------
    entries : so far.
    """

    def __init__(self) -> None:
        self.entries: list[Reference] = []

    def __call__(self, entry: Reference) -> str:
        """The number of a reference, in brackets."""
        if entry not in self.entries:
            self.entries.append(entry)
        return f"[{self.entries.index(entry) + 1}]"

    def __str__(self) -> str:
        return "\n".join(f"[{n}] {entry}" for n, entry in enumerate(self.entries, start=1))
