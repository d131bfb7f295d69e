"""What a package says of itself to people, as Markdown."""

from __future__ import annotations

from napari_unet.core.header import Header
from napari_unet.core.methods import class_names, paragraph
from napari_unet.core.package.labelling import Label
from napari_unet.core.package.network import Packaged


def readme(header: Header, label: Label, network: Packaged) -> str:
    """The README of a package."""
    parts = [f"# {label.title}", label.about, _classes(header), _use(header, network)]
    parts += [_tiles(network), _differences(network), _made(header, label)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _classes(header: Header) -> str:
    rows = "\n".join(f"{n}. {name}" for n, name in enumerate(class_names(header), start=1))
    return (
        "The output has the probability of each class in its channels. The label of a pixel is "
        f"the number of the most probable class:\n\n{rows}"
    )


def _use(header: Header, network: Packaged) -> str:
    channels = header.shape.in_channels
    grey = (
        "Grey values go in as they are in the file; the network normalises them."
        if network.measured
        else "Grey values must be prepared by the steps of pre-processing in the description, "
        "measured over the whole image."
    )
    h = network.halo
    return (
        f"## Use\n\nImages have {channels} channel{'s' * (channels != 1)}. {grey} Around an image "
        f"the network must see a halo of {h} px, mirrored at the edges:\n\n"
        "```python\n"
        "import numpy as np\nimport onnxruntime\n\n"
        'session = onnxruntime.InferenceSession("weights.onnx")\n'
        f"around = ((0, 0), (0, 0), ({h}, {h}), ({h}, {h}))\n"
        'seen = np.pad(images.astype(np.float32), around, mode="reflect")  # (N, C, Y, X)\n'
        'found = session.run(None, {"image": seen})[0]\n'
        f"labels = found[..., {h}:-{h}, {h}:-{h}].argmax(1) + 1\n"
        "```"
    )


def _tiles(network: Packaged) -> str:
    text = (
        f"## Tiles\n\nCrop {network.halo} px of halo from each side of a tile's result. Where "
        f"tiles begin and end at multiples of {network.step} px, their results fit without a seam."
    )
    if network.measured:
        text += (
            " But the network measures brightness on what it is given: on each tile for itself. "
            "Give it whole images where they fit into memory. For images that do not, export the "
            "model once more with `--for tiles`."
        )
    return text


def _differences(network: Packaged) -> str:
    """What differs from the labels that our own program makes."""
    mirrors = (
        "It takes the mean over four mirror images, as `napari-unet segment` does by default."
        if network.mirrors
        else "It does not take the mean over four mirror images, which `napari-unet segment` does "
        "by default; compare with `--no-mirrors`."
    )
    grey = (
        "Brightness is measured as there, so labels are the same up to rounding."
        if network.measured
        else "The standard steps cut the brightest and darkest thousandth of the pixels off, which "
        "napari-unet does not, so some labels differ. Programs that measure an image after they "
        "mirrored its edges differ a little more."
    )
    return f"## What differs from napari-unet\n\n{mirrors} {grey}"


def _made(header: Header, label: Label) -> str:
    data = label.data or (
        "The images and strokes are not part of this package; ask the authors for them."
    )
    return (
        f"## How it was made\n\n{paragraph(header)}\n\nTraining data: {data} The description's "
        "`config` has all settings, the images' checksums and the places of the strokes.\n\n"
        "## Validation\n\nA score on held-out strokes says nothing about borders that nobody "
        "painted. Before you rely on the model, segment some of your images, correct the labels of "
        "a few by hand, and compare: `napari-unet evaluate --prediction DIR --truth DIR`. Images "
        "should be scaled to about the pixel size of those it was trained on."
    )
