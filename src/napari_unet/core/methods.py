"""How a model was made, as a paragraph for the methods section of a paper."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from napari_unet.core.header import Header
from napari_unet.core.settings import PAPER, Training, knobs


class Reference(NamedTuple):
    """What to cite: the text without its address, and the address."""

    text: str
    doi: str = ""
    url: str = ""

    def __str__(self) -> str:
        return f"{self.text} {self.url or f'https://doi.org/{self.doi}'}"


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


def class_names(header: Header) -> tuple[str, ...]:
    """The names of the classes 1…K, or their numbers where they have none."""
    return header.classes or tuple(f"class {n + 1}" for n in range(header.shape.classes))


def references(header: Header) -> list[Reference]:
    """What a paper that used the model should cite, beside this program."""
    napari = [NAPARI] if "napari" in header.material.libraries else []
    return [UNET, PYTORCH, *napari]


def paragraph(header: Header) -> str:
    """What was done, in words, with the references below."""
    sentences = [_network(header), _training(header), _precision(header)]
    text = " ".join(sentence for sentence in sentences if sentence)
    cited = "\n".join(f"[{n}] {entry}" for n, entry in enumerate(references(header), start=1))
    return f"{text}\n\n{cited}"


def changes(header: Header) -> list[str]:
    """The settings that differ from the defaults, as name and value."""
    usual = {(knob.group, knob.name): knob.default for knob in knobs()}
    return [
        f"{knob.name.replace('_', ' ')} {knob.default}"
        for knob in knobs(header.settings)
        if knob.default != usual[knob.group, knob.name]
    ]


def _network(header: Header) -> str:
    shape, begun = header.shape, "pre-trained" if header.pretrained else "random"
    kind, reach = ("3D U-Net", 2 * shape.across) if shape.axes == 3 else ("U-Net", 0)
    slices = f", {reach} slices seen on each side, which are not pooled" if reach else ""
    scale = f" at 1/{shape.shrink} of the images' size" if shape.shrink > 1 else ""
    torch = header.material.libraries.get("torch", "")
    viewer = ", and is a plugin of napari [3]" * ("napari" in header.material.libraries)
    return (
        f"Images were segmented into {_listed(class_names(header))} with {header.program}, which "
        f"trains a {kind} [1] (depth {shape.depth}, {shape.width} channels at the first level, "
        f"unpadded convolutions{slices}{scale}) in PyTorch{' ' * bool(torch)}{torch} [2]{viewer}."
        f" Training began from {begun} weights."
    )


def _training(header: Header) -> str:
    made, images = header.made, header.material.images
    planes = len(images) or int(made.get("planes", 0))
    pixels = int(made.get("painted pixels", 0))
    if not planes:
        return ""
    strokes = header.material.strokes
    marks = f"{_many(strokes, 'stroke')} ({pixels} pixels)" if strokes else f"{pixels} pixels"
    where = _many(planes, "image plane")
    text = f"The network was {_how(header)} on {marks} painted on {where}."
    if made.get("steps"):
        side = _used(header).patch
        text += (
            f" The loss was the cross-entropy of painted pixels, in patches of {side} × {side} "
            "pixels, shifted, rotated, mirrored, scaled and deformed elastically at random."
        )
    if header.material.score is not None:
        text += (
            f" Of strokes that were held out from training, {header.material.score:.1%} of the "
            "pixels were classified correctly, all classes counting alike."
        )
    if others := changes(header):
        text += f" Settings other than the defaults were: {', '.join(others)}."
    return text


def _how(header: Header) -> str:
    """How long it was trained, if at all."""
    training, steps = _used(header), int(header.made.get("steps", 0))
    if not steps:
        return "fitted in its last layer only"
    return (
        f"trained for {_many(steps, 'step')} of {_many(training.batch, 'patch', 'es')} (learning "
        f"rate {training.learning_rate:g}, seed {training.seed})"
    )


def _used(header: Header) -> Training:
    """The training settings as the network's preset changes them."""
    settings = header.settings
    paper = settings.network.preset == "paper"
    return msgspec.structs.replace(settings.training, **PAPER) if paper else settings.training


def _precision(header: Header) -> str:
    precision = header.made.get("precision")
    shape = header.shape
    views = "four mirror images" if shape.norm or shape.side else "seven orientations"
    mean = (
        f"the mean over {views} of each tile"
        if header.settings.compute.mirrors
        else ("tile by tile")
    )
    said = f" in {precision}" if precision else ""
    return (
        "Grey values were standardised by the robust mean and standard deviation of each channel; "
        f"predictions were computed{said}, {mean}, in overlapping tiles without seams."
    )


def _many(count: int, thing: str, more: str = "s") -> str:
    return f"{count} {thing}{more * (count != 1)}"


def _listed(names: tuple[str, ...]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
