"""Writing a package of bioimage.io from a model."""

from __future__ import annotations

import io
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from bioimageio.spec import save_bioimageio_package
from numpy.typing import NDArray
from PIL import Image

from napari_unet.core.files import replacing
from napari_unet.core.image import TAIL, ImageError, as_plane, read_mirrored
from napari_unet.core.model import Model
from napari_unet.core.package import steps
from napari_unet.core.package.description import Files, describe
from napari_unet.core.package.errors import PackageError
from napari_unet.core.package.labelling import Label
from napari_unet.core.package.network import Packaged, onnx, torchscript
from napari_unet.core.package.readme import readme
from napari_unet.core.samples import floating_cell, stained_tissue

_SIDE = 256  # px of the sample image that a package shows, at most
NORMALISED = (
    ("clip", {"min_percentile": TAIL, "max_percentile": 100 - TAIL, "axes": ("y", "x")}),
    ("zero_mean_unit_variance", {"axes": ("y", "x")}),
    ("ensure_dtype", {"dtype": "float32"}),
)
# colours that colour-blind people can tell apart (Okabe and Ito, 2008)
_COLOURS = np.array(
    [(86, 180, 233), (230, 159, 0), (0, 158, 115), (204, 121, 167), (240, 228, 66), (213, 94, 0)],
    np.uint8,
)


def write(
    model: Model,
    path: Path,
    label: Label,
    *,
    tiled: bool = False,
    mirrors: bool = True,
    sample: NDArray[Any] | None = None,
) -> None:
    """Write a package whole or not at all.

    Parameters
    ----------
    model : Model
    path : Path
        Of the zip file.
    label : Label
    tiled : bool
        For images that programs cut into tiles: grey values are measured by standard steps of
        pre-processing over the whole image, not by the network over what it is given.
    mirrors : bool
        The network takes the mean over four mirror images, as `segment` does by default.
    sample : (Y, X) or (Y, X, 3), optional
        An image that the package shows and is tested with; it is published with it. By default
        one that comes with this program.

    Raises
    ------
    PackageError, ImageError
        With a sentence that says what to do.
    OSError
        If it cannot be written.
    """
    label.check()
    if model.header.shape.axes == 3:
        raise PackageError(
            "A model of volumes cannot be put into a package yet: share its model file."
        )
    network = Packaged(model.net, mirrors=mirrors, measured=not tiled).eval()
    plane = _sample(sample, model.header.shape.in_channels, network)
    if tiled:  # bioimageio.core 0.11 measures mean and deviation before it cuts the extremes off
        plane = steps.apply(NORMALISED[:1], plane).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder, replacing(path) as part:
        files = _write_files(Path(folder), network, plane)
        text = readme(model.header, label, network)
        files.readme.write_text(text, encoding="utf-8")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the library's advice on what else could be told
            try:
                description = describe(model.header, label, network, files)
            except ValueError as error:  # of pydantic, on what people wrote
                raise PackageError(f"The package's description is not valid: {error}") from error
            save_bioimageio_package(description, output_path=part)


def _sample(image: NDArray[Any] | None, channels: int, network: Packaged) -> NDArray[np.float32]:
    """The middle of an image, with as much around it as the network must see: (C, Y, X)."""
    if image is None:
        plane = as_plane(stained_tissue().image if channels == 3 else floating_cell().image)
        plane = plane[[n % len(plane) for n in range(channels)]]
    else:
        plane = as_plane(image)
    if len(plane) != channels:
        raise ImageError(
            f"The sample image has {len(plane)} channels, but the model was trained on {channels}: "
            "choose another one."
        )
    step = network.step
    sides = [max(step, min(n, _SIDE) // step * step) for n in plane.shape[1:]]
    starts = [max(n - side, 0) // 2 for n, side in zip(plane.shape[1:], sides, strict=True)]
    window = tuple(
        slice(start - network.halo, start + side + network.halo)
        for start, side in zip(starts, sides, strict=True)
    )
    return read_mirrored(plane, window).astype(np.float32)


def _write_files(folder: Path, network: Packaged, plane: NDArray[np.float32]) -> Files:
    names = (
        "weights.pt", "weights.onnx", "test_input.npy", "test_output.npy", "cover.png", "README.md",
    )  # fmt: skip
    files = Files(*(folder / name for name in names))
    seen = plane if network.measured else steps.apply(NORMALISED, plane)
    images = torch.from_numpy(np.ascontiguousarray(seen, np.float32))[None]
    files.torchscript.write_bytes(torchscript(network, images))
    files.onnx.write_bytes(onnx(network, images))
    with torch.inference_mode():
        found = network(images).numpy()
    np.save(files.test_input, plane[None], allow_pickle=False)
    np.save(files.test_output, found, allow_pickle=False)
    h = network.halo
    files.cover.write_bytes(_cover(plane[:, h:-h, h:-h], found[0, :, h:-h, h:-h]))
    return files


def _cover(plane: NDArray[np.float32], found: NDArray[np.float32]) -> bytes:
    """The image, and beside it the classes over it, as a PNG file twice as wide as high."""
    low, high = np.percentile(plane, (1, 99))
    grey = np.clip((plane - low) / max(high - low, 1e-6), 0, 1) * 255
    channels = [n if n < len(grey) else len(grey) - 1 for n in range(3)]
    left = np.moveaxis(grey[channels], 0, -1)
    right = (left + _COLOURS[found.argmax(0) % len(_COLOURS)]) / 2
    side = min(left.shape[:2])
    both = np.concatenate([left[:side, :side], right[:side, :side]], axis=1)
    buffer = io.BytesIO()
    Image.fromarray(both.astype(np.uint8)).save(buffer, "png")
    return buffer.getvalue()
