"""How a model was made, as a paragraph for the methods section of a paper."""

from __future__ import annotations

import msgspec

from napari_unet.core.header import Header
from napari_unet.core.lineage import (
    BEGUN,
    BUNDLED,
    CHECKSUM,
    FIRST,
    KEPT,
    MODEL,
    PARENT,
    RANDOM,
    SUMMARY,
    began_with,
)
from napari_unet.core.references import (
    ADAMW,
    NAPARI,
    PYTORCH,
    RIDGE,
    UNET,
    Cited,
    Reference,
    program,
)
from napari_unet.core.settings import GENTLE, LONGEST, PAPER, WARM_UP, Training, knobs


def class_names(header: Header) -> tuple[str, ...]:
    """The names of the classes 1…K, or their numbers where they have none."""
    return header.classes or tuple(f"class {n + 1}" for n in range(header.shape.classes))


def references(header: Header) -> list[Reference]:
    """What a paper that used the model should cite, this program first."""
    cite = Cited()
    _text(header, cite)
    return cite.entries


def paragraph(header: Header) -> str:
    """What was done, in words, with the references below."""
    cite = Cited()
    return f"{_text(header, cite)}\n\n{cite}"


def changes(header: Header) -> list[str]:
    """The settings that differ from the defaults, as name and value."""
    usual = {(knob.group, knob.name): knob.default for knob in knobs()}
    return [
        f"{knob.name.replace('_', ' ')} {knob.default}"
        for knob in knobs(header.settings)
        if knob.default != usual[knob.group, knob.name]
    ]


def _text(header: Header, cite: Cited) -> str:
    parts = [_network(header, cite), _beginning(header), *_training(header, cite)]
    return " ".join(part for part in (*parts, _precision(header)) if part)


def _network(header: Header, cite: Cited) -> str:
    shape = header.shape
    kind, reach = ("3D U-Net", 2 * shape.across) if shape.axes == 3 else ("U-Net", 0)
    slices = f", {reach} slices seen on each side, which are not pooled" if reach else ""
    scale = f" at 1/{shape.shrink} of the images' size" if shape.shrink > 1 else ""
    torch = header.material.libraries.get("torch", "")
    text = (
        f"Images were segmented into {_listed(class_names(header))} with {header.program} "
        f"{cite(program(header.program))}, which trains a {kind} {cite(UNET)} (depth "
        f"{shape.depth}, {shape.width} channels at the first level, unpadded "
        f"convolutions{slices}{scale}) in PyTorch{' ' * bool(torch)}{torch} {cite(PYTORCH)}"
    )
    if "napari" in header.material.libraries:
        text += f", and is a plugin of napari {cite(NAPARI)}"
    if shape.local:
        text += (
            ". Its last layer also sees the image itself: smoothed grey values, their products "
            "and slopes"
        )
    return f"{text}."


def _beginning(header: Header) -> str:
    """What training began with, as far as the file tells."""
    made = header.made
    began = began_with(made, pretrained=header.pretrained)
    if began == MODEL:
        checksum = f", checksum {made[CHECKSUM]}" if CHECKSUM in made else ""
        how = f", which was made so: {made[SUMMARY]}" if SUMMARY in made else ""
        return f"Training went on from another model ({made.get(PARENT)}{checksum}){how}."
    if began == RANDOM:
        return "Training began from random weights."
    own = " of the program" if made.get(BEGUN) == BUNDLED else ""
    return f"Training began from pre-trained weights{own}."


def _training(header: Header, cite: Cited) -> list[str]:
    made, learnt = header.made, header.material.learnt
    planes = len(learnt) or int(made.get("planes", 0))
    if not planes:
        return []
    pixels, strokes = int(made.get("painted pixels", 0)), header.material.strokes
    marks = f"{_many(strokes, 'stroke')} ({pixels} pixels)" if strokes else f"{pixels} pixels"
    where = _many(planes, "image plane")
    parts = [f"The network was {_how(header, cite)} on {marks} painted on {where}."]
    if made.get("steps"):
        parts += [_steadied(header, cite), _loss(header, cite)]
        parts += [_variation(header), _agreement(header)]
    parts += [_last_layer(header, cite), _score(header)]
    if others := changes(header):
        parts.append(f"Settings other than the defaults were: {', '.join(others)}.")
    return parts


def _how(header: Header, cite: Cited) -> str:
    """How long it was trained, if at all."""
    training, steps = _used(header), int(header.made.get("steps", 0))
    if not steps:
        given = header.made.get("last layer") == "given"
        return "left as it was, and judged" if given else "fitted in its last layer only"
    if _is_paper(header):
        by = f"stochastic gradient descent with a momentum of 0.99, learning rate {_rate(header)}"
    else:
        by = f"AdamW {cite(ADAMW)}, learning rate {_rate(header)}"
    patches = _many(training.batch, "patch", "es")
    return f"trained for {_many(steps, 'step')} of {patches} ({by}, seed {training.seed})"


def _rate(header: Header) -> str:
    rate = _used(header).learning_rate
    gentle = header.pretrained and not _is_paper(header)
    falling = ", falling to zero" if header.settings.training.schedule == "falling" else ""
    return f"{rate * GENTLE if gentle else rate:g}{falling}"


def _steadied(header: Header, cite: Cited) -> str:
    """What keeps the steps steady, with either preset; the paper has none of it."""
    text = (
        f"The learning rate rose over the first {WARM_UP} steps, gradients with a norm over "
        f"{LONGEST:g} were cut to it, and a running mean of the weights was taken (decay "
        f"{_used(header).averaging:g})"
    )
    if _is_paper(header):
        text += f", none of which is part of the training of 2015 {cite(UNET)}"
    return f"{text}."


def _loss(header: Header, cite: Cited) -> str:
    from napari_unet.core.weighting import Borders  # slow to load, and seldom needed

    borders = Borders.of(_used(header))
    text = "The loss was the cross-entropy of painted pixels"
    if borders.far is None:
        text += ", all classes weighing alike"
    else:
        text += f", in which background far from objects weighed {borders.far:g}"
    if borders.weight:
        text += (
            f"; background between two objects weighed up to {borders.weight:g} more "
            f"(σ = {borders.sigma:g} px) {cite(UNET)}"
        )
    return f"{text}."


def _variation(header: Header) -> str:
    """How the patches were drawn."""
    side, chosen = _used(header).patch, header.settings.augmentation
    ways = ["shifted"]
    ways += ["rotated"] * chosen.rotation + ["mirrored"] * chosen.flip
    ways += ["scaled"] * (chosen.scale > 1) + ["deformed elastically"] * (chosen.elastic > 0)
    ways += ["varied in brightness"] * any((chosen.contrast, chosen.brightness, chosen.noise))
    return f"Patches of {side} × {side} pixels were {_listed(tuple(ways))} at random."


def _agreement(header: Header) -> str:
    weight = _used(header).agreement
    if not weight:
        return ""
    return (
        "Unpainted pixels of the patches were held to the network's own earlier prediction, the "
        f"mean over mirror images (weight {weight:g})."
    )


def _last_layer(header: Header, cite: Cited) -> str:
    """Where the last layer comes from, which decides more than all else."""
    made = header.made
    said, steps = made.get("last layer"), made.get("steps")
    if made.get(KEPT) == FIRST:
        fitted = "a last layer fitted to the painted pixels in closed form, by ridge regression"
        return (
            "No weights that came from the steps were kept: the model has those that training "
            f"began with{f', and {fitted} {cite(RIDGE)}' if said == 'fitted' else ''}."
        )
    if said == "fitted":
        when = "After the steps, the last layer was fitted" if steps else "It was fitted"
        return f"{when} to the painted pixels in closed form, by ridge regression {cite(RIDGE)}."
    if said == "given" and steps:
        return "The last layer was trained by the steps, as all others."
    return ""


def _score(header: Header) -> str:
    material, text = header.material, ""
    if kept := len(material.images) - len(material.learnt):
        text = f"Strokes on {_many(kept, 'more image plane')} were only judged by. "
    if material.score is not None:
        text += (
            f"Of strokes that were held out from training, {material.score:.1%} of the pixels were "
            "classified correctly, all classes counting alike."
        )
    return text.strip()


def _used(header: Header) -> Training:
    """The training settings as the network's preset changes them."""
    training = header.settings.training
    return msgspec.structs.replace(training, **PAPER) if _is_paper(header) else training


def _is_paper(header: Header) -> bool:
    return header.settings.network.preset == "paper"


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
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
