"""The description of a package, as bioimageio.spec wants it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import torch
from bioimageio.spec.dataset import v0_3
from bioimageio.spec.model import v0_5

from napari_unet.core.header import Header
from napari_unet.core.image import TAIL
from napari_unet.core.methods import class_names, references
from napari_unet.core.package.labelling import Label
from napari_unet.core.package.network import INPUT, OPSET, OUTPUT, Packaged

KEY = "napari_unet"  # our own part of the description
_TAGS = ("unet", "2d", "semantic-segmentation", "napari", "pytorch", "onnx", "microscopy")
_LINK = re.compile(r"https?://\S+")
_WHERE = tuple(map(v0_5.AxisId, ("y", "x")))


@dataclass(frozen=True)
class Files:
    """The files of a package, as they lie in a folder before it is packed."""

    torchscript: Path
    onnx: Path
    test_input: Path
    test_output: Path
    cover: Path
    readme: Path


def describe(header: Header, label: Label, network: Packaged, files: Files) -> v0_5.ModelDescr:
    """All that a stranger's program must know of a model."""
    authors = [v0_5.Author(name=name) for name in label.authors]
    names = ", ".join(class_names(header))
    about = label.about or f"Segments 2-D images into {names}."
    return v0_5.ModelDescr(
        name=label.title, description=about, authors=authors, license=label.licence,
        cite=_citations(header),
        covers=[v0_5.FileDescr(source=files.cover)],
        documentation=v0_5.FileDescr(source=files.readme), tags=[*_TAGS, *_keywords(header)],
        inputs=[_input(header, network, files.test_input)],
        outputs=[_output(header, network, files.test_output)],
        weights=_weights(files), config=_config(header, network),
        training_data=_data(label),
        timestamp=v0_5.Datetime.now(),
    )  # fmt: skip


def _citations(header: Header) -> list[v0_5.CiteEntry]:
    return [
        v0_5.CiteEntry(
            text=entry.text,
            doi=v0_5.Doi(entry.doi) if entry.doi else None,
            url=v0_5.HttpUrl(entry.url) if entry.url else None,
        )
        for entry in references(header)
        if entry.doi or entry.url  # the description takes none without an address
    ]


def _data(label: Label) -> v0_3.DatasetDescr | None:
    """What the authors say of the images that it was trained on, with the link where it is one."""
    if not label.data:
        return None
    link = v0_3.HttpUrl(label.data) if _LINK.fullmatch(label.data) else None
    return v0_3.DatasetDescr(
        name=f"Training data of {label.title}"[:128], description=label.data, source=link,
    )  # fmt: skip


def _keywords(header: Header) -> list[str]:
    return [name for name in class_names(header) if name.isascii()]


def _input(header: Header, network: Packaged, test: Path) -> v0_5.InputTensorDescr:
    step = 1 if network.measured else network.step  # whole images may have any size
    size = v0_5.ParameterizedSize(min=2 * network.halo + step, step=step)
    named = [v0_5.Identifier(f"channel{n + 1}") for n in range(header.shape.in_channels)]
    return v0_5.InputTensorDescr(
        id=v0_5.TensorId(INPUT),
        axes=[  # without a pixel size, which a model does not know
            v0_5.BatchAxis(), v0_5.ChannelAxis(channel_names=named),
            *(
                v0_5.SpaceInputAxis(id=axis, size=size, concatenable=not network.measured)
                for axis in _WHERE
            ),
        ],
        data=v0_5.IntervalOrRatioDataDescr(type="float32"),
        pad=v0_5.ReflectPadding(mode="reflect"),  # said, as what is left to defaults is not written
        preprocessing=_preprocessing(network),
        test_tensor=v0_5.FileDescr(source=test),
    )  # fmt: skip


def _preprocessing(network: Packaged) -> list[Any]:
    """None where the network measures grey values itself; else what comes closest to it."""
    if network.measured:
        return []
    bounds = {"min_percentile": TAIL, "max_percentile": 100 - TAIL}
    return [
        v0_5.ClipDescr(kwargs=v0_5.ClipKwargs(axes=_WHERE, **bounds)),
        v0_5.ZeroMeanUnitVarianceDescr(kwargs=v0_5.ZeroMeanUnitVarianceKwargs(axes=_WHERE)),
    ]


def _output(header: Header, network: Packaged, test: Path) -> v0_5.OutputTensorDescr:
    named = [v0_5.Identifier(_identifier(n, name)) for n, name in enumerate(class_names(header), 1)]
    return v0_5.OutputTensorDescr(
        id=v0_5.TensorId(OUTPUT),
        description="Probability of each class; the label 1, 2, … of a pixel is the largest.",
        axes=[
            v0_5.BatchAxis(), v0_5.ChannelAxis(channel_names=named),
            *(
                v0_5.SpaceOutputAxisWithHalo(
                    id=axis, halo=network.halo,
                    size=v0_5.SizeReference(tensor_id=v0_5.TensorId(INPUT), axis_id=axis),
                )
                for axis in _WHERE
            ),
        ],
        data=v0_5.IntervalOrRatioDataDescr(type="float32", range=(0.0, 1.0)),
        test_tensor=v0_5.FileDescr(source=test),
    )  # fmt: skip


def _identifier(number: int, name: str) -> str:
    """A class's name as the description allows it."""
    fits = "".join(c if c.isascii() and c.isalnum() else "_" for c in name.lower()).strip("_")
    return fits if fits and fits[0].isalpha() else f"class{number}"


def _weights(files: Files) -> v0_5.WeightsDescr:
    version = v0_5.Version(torch.__version__.split("+")[0])
    return v0_5.WeightsDescr(
        torchscript=v0_5.TorchscriptWeightsDescr(source=files.torchscript, pytorch_version=version),
        onnx=v0_5.OnnxWeightsDescr(source=files.onnx, opset_version=OPSET, parent="torchscript"),
    )


def _config(header: Header, network: Packaged) -> v0_5.Config:
    """Facts about the model, and all that its own file says of itself."""
    training = header.settings.training
    parameters = sum(weight.numel() for weight in network.net.parameters())
    told = v0_5.BioimageioConfig(
        architecture_type="U-Net", task="semantic segmentation",
        architecture_description="U-Net of 2015 with unpadded convolutions, mirrored at the edges",
        target_structure=list(class_names(header)), model_parameter_count=parameters,
        training=v0_5.TrainingDetails(
            training_batch_size=training.batch, initial_learning_rate=training.learning_rate,
            loss_function="cross-entropy of painted pixels, weighted at borders between objects",
            training_preprocessing="robust mean and standard deviation of each channel",
        ),
        reproducibility_tolerance=[
            v0_5.ReproducibilityTolerance(absolute_tolerance=1e-3, relative_tolerance=1e-3)
        ],
    )  # fmt: skip
    return v0_5.Config(bioimageio=told, **{KEY: msgspec.to_builtins(header)})
