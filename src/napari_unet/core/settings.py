"""Every knob of the program, declared once: default, bounds, unit, label and tip.

The panel's form, the command line's flags, the model file's header and the settings table of
the documentation are all made from these declarations (see `knobs`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct

if TYPE_CHECKING:
    from collections.abc import Iterator


def knob(
    label: str, tip: str, low: float | None = None, high: float | None = None, unit: str = ""
) -> Meta:
    """Declare a setting: what the form, the command line and the documentation say of it."""
    return Meta(title=label, description=tip, ge=low, le=high, extra={"unit": unit})


class Network(Struct, frozen=True):
    """Which network is trained."""

    preset: Annotated[
        Literal["compact", "paper"],
        knob("Network", "compact: narrow and pre-trained, answers at once. paper: as in 2015."),
    ] = "compact"
    working_scale: Annotated[
        Literal["auto", "full", "half"],
        knob(
            "Working scale",
            "half: look at the image at half its size, for large objects and noisy images. "
            "auto: what does better on your strokes.",
        ),
    ] = "auto"


class Training(Struct, frozen=True):
    """How the network learns from the strokes."""

    learning_rate: Annotated[
        float, knob("Learning rate", "Step size of the fine-tuning.", 1e-5, 0.1)
    ] = 2e-3
    schedule: Annotated[
        Literal["steady", "falling"],
        knob(
            "Rate over time",
            "falling: the learning rate falls to zero as the time or the steps that were given run "
            "out. steady: it stays; so it does in the window, where none are given.",
        ),
    ] = "steady"
    batch: Annotated[int, knob("Patches per step", "Patches in one training step.", 1, 64)] = 2
    patch: Annotated[
        int, knob("Patch", "Side of the patch that is compared with the paint.", 4, 1024, "px")
    ] = 148
    borders: Annotated[
        Literal["own", "2015", "2019"],
        knob(
            "Borders",
            "2015: w0 10, σ 5 px, classes count alike. 2019: w0 50, σ 6 px, background far from "
            "objects counts 0.1. own: the three values below.",
        ),
    ] = "own"
    border_weight: Annotated[
        float, knob("Border weight w0", "Extra weight between two close objects.", 0, 100)
    ] = 10.0
    border_sigma: Annotated[
        float, knob("Border width σ", "How wide the border weight reaches.", 0.5, 50, "px")
    ] = 5.0
    far_background: Annotated[
        float,
        knob(
            "Far background",
            "How much background counts far from objects, where an object's pixel counts 1; "
            "0: all classes count alike.",
            0, 1,
        ),
    ] = 0.0  # fmt: skip
    agreement: Annotated[
        float,
        knob("Agreement", "How strongly unpainted pixels are held to what is shown.", 0, 10),
    ] = 1.0
    averaging: Annotated[
        float, knob("Averaging", "Decay of the averaged weights that predict.", 0, 0.9999)
    ] = 0.97
    last_layer: Annotated[
        Literal["fitted", "trained"],
        knob(
            "Last layer",
            "fitted: to the strokes anew at each check, in closed form. trained: by the steps, as "
            "all other layers; better where whole images are annotated.",
        ),
    ] = "fitted"
    held_out: Annotated[
        float, knob("Held out", "Share of the strokes kept aside to judge progress.", 0, 0.5)
    ] = 0.2
    patience: Annotated[
        int, knob("Patience", "Checks without progress before training rests.", 1, 1000)
    ] = 20
    check_every: Annotated[
        int, knob("Steps per check", "Training steps between two checks.", 1, 1000)
    ] = 10
    seed: Annotated[int, knob("Seed", "Start of all random numbers.", 0, 2**31 - 1)] = 0


PAPER: dict[str, Any] = {"batch": 1, "patch": 388, "agreement": 0.0, "last_layer": "trained"}
"""How the preset `paper` trains, whatever the settings say: one large tile a step."""


GENTLE = 0.5
"""Share of the learning rate of the preset `compact` where the weights come from a training."""

WARM_UP, LONGEST = 20, 1.0
"""Steps in which the learning rate rises, and the norm beyond which a gradient is cut: always."""


class Augmentation(Struct, frozen=True):
    """How training patches are varied (section 3.1 of the paper)."""

    rotation: Annotated[bool, knob("Rotate", "Rotate patches by any angle.")] = True
    flip: Annotated[bool, knob("Flip", "Mirror patches at random.")] = True
    scale: Annotated[float, knob("Scale", "Enlarge or shrink by up to this factor.", 1, 4)] = 1.25
    elastic: Annotated[
        float,
        knob("Elastic σ", "Spread of the displacements on the 3×3 grid.", 0, 50, "px"),
    ] = 10.0
    contrast: Annotated[float, knob("Contrast", "Spread of the contrast's logarithm.", 0, 1)] = 0.35
    brightness: Annotated[
        float,
        knob("Brightness", "Spread of the brightness, in standard deviations.", 0, 2),
    ] = 0.4
    noise: Annotated[float, knob("Noise", "Largest added noise, in standard deviations.", 0, 2)] = (
        0.2
    )


class Compute(Struct, frozen=True):
    """Where the work is done."""

    device: Annotated[
        Literal["auto", "cpu", "cuda", "mps"],
        knob("Device", "auto takes a GPU where there is one."),
    ] = "auto"
    mirrors: Annotated[
        bool,
        knob(
            "Average mirror images",
            "Segment four mirror images of each tile and take the mean: better, and four times "
            "the time. The live prediction never does.",
        ),
    ] = True
    precision: Annotated[
        Literal["auto", "fp32", "bf16"],
        knob(
            "Precision",
            "Of the arithmetic. auto takes the fastest on this machine, so pixels on the brink may "
            "differ between machines; fp32 is the same everywhere.",
        ),
    ] = "auto"
    accelerate: Annotated[
        bool,
        knob(
            "Use OpenVINO",
            "On a CPU, where it is installed, faster and gives the same labels: for large images "
            "and many files, if the precision is auto. The live prediction never does.",
        ),
    ] = True
    threads: Annotated[
        int, knob("Threads", "CPU threads; 0 leaves one core to the window.", 0, 256)
    ] = 0


class Settings(Struct, frozen=True):
    """All settings, in the groups that the form shows."""

    network: Network = Network()
    training: Training = Training()
    augmentation: Augmentation = Augmentation()
    compute: Compute = Compute()


@dataclass(frozen=True)
class Knob:
    """One declared setting, as forms and flags need it."""

    group: str
    name: str
    kind: type
    default: Any
    choices: tuple[str, ...]
    low: float | None
    high: float | None
    unit: str
    label: str
    tip: str


def knobs(settings: Settings | None = None) -> Iterator[Knob]:
    """Yield every setting's declaration; `default` is the value in `settings`."""
    settings = settings or Settings()
    for group in Settings.__struct_fields__:
        yield from declared(getattr(settings, group), group)


def declared(part: Struct, group: str = "") -> Iterator[Knob]:
    """Yield the declarations of one struct of settings; `default` is the value in it."""
    for name, hint in get_type_hints(type(part), include_extras=True).items():
        kind, meta = get_args(hint)
        choices = get_args(kind) if get_origin(kind) is Literal else ()
        yield Knob(
            group=group,
            name=name,
            kind=str if choices else kind,
            default=getattr(part, name),
            choices=choices,
            low=meta.ge,
            high=meta.le,
            unit=meta.extra["unit"],
            label=meta.title,
            tip=meta.description,
        )


def changed(settings: Settings, group: str, **values: Any) -> Settings:  # noqa: ANN401
    """A copy of `settings` with some values of one group replaced, and all checked.

    Raises
    ------
    msgspec.ValidationError
        If a value has the wrong type or lies outside its bounds; the message names it.
    TypeError
        If the group has no such setting.
    """
    part = msgspec.structs.replace(getattr(settings, group), **values)
    whole = msgspec.structs.replace(settings, **{group: part})
    return msgspec.convert(msgspec.to_builtins(whole), Settings)
