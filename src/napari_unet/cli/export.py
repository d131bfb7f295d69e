"""`napari-unet export`: a package of bioimage.io from a model."""

from __future__ import annotations

import argparse

from napari_unet.cli.models import open_model
from napari_unet.cli.output import Refusal, result
from napari_unet.core.files import read_image
from napari_unet.core.package.extra import need
from napari_unet.core.package.labelling import Label


def run(options: argparse.Namespace) -> int:
    """Write a package."""
    label = Label(
        options.title, tuple(options.author), options.license, options.about, options.data
    )
    try:
        need("bioimageio.spec", "onnx")
        label.check()
        from napari_unet.core.package.writing import write  # needs the extra

        write(
            open_model(options.model), options.out, label, tiled=options.purpose == "tiles",
            mirrors=options.mirrors is not False,
            sample=None if options.sample is None else read_image(options.sample),
        )  # fmt: skip
    except OSError as error:
        raise Refusal(
            f"The package cannot be written to {options.out}: {error.strerror or error}."
        ) from error
    size = options.out.stat().st_size
    result(
        as_json=options.json,
        text=f"Wrote {options.out} ({size / 1e6:.1f} MB). Test it: bioimageio test {options.out}",
        package=str(options.out), bytes=size, purpose=options.purpose,
    )  # fmt: skip
    return 0
