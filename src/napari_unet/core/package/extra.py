"""The optional libraries that packages need."""

from __future__ import annotations

from importlib.util import find_spec

from napari_unet.core.package.errors import PackageError


def need(*modules: str) -> None:
    """Refuse what cannot be done without a library.

    Raises
    ------
    PackageError
        If one of them is not installed; the message says how to install it.
    """
    for module in modules:
        parent = module.partition(".")[0]
        if find_spec(parent) is None or find_spec(module) is None:
            raise PackageError(
                f"Packages of bioimage.io need {module}, which is not installed here: "
                "pip install 'napari-unet-live[bioimageio]' brings all that they need."
            )
