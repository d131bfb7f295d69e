"""The command `napari-unet`: the panel's work without a window.

torch and napari are imported only by the commands that need them, so `--help` comes at once.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

from napari_unet.cli.output import Refusal
from napari_unet.cli.parser import build_parser, check


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : sequence of str, optional
        What follows the program's name; by default that of this process.

    Returns
    -------
    int
        0 if all went well, 1 when anything failed. Wrong usage exits with 2.
    """
    parser = build_parser()
    options = parser.parse_args(arguments)
    check(parser, options)
    from napari_unet.core.annotations import AnnotationError  # `--help` needs no numpy
    from napari_unet.core.files import FileError
    from napari_unet.core.image import ImageError

    try:
        code: int = import_module(f"napari_unet.cli.{options.command}").run(options)
    except (AnnotationError, FileError, ImageError, MemoryError, Refusal) as error:
        print(f"napari-unet: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("napari-unet: stopped.", file=sys.stderr)
        return 130
    return code
