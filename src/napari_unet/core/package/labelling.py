"""What people write on a package: title, authors, licence, what it is for."""

from __future__ import annotations

import re
from typing import Annotated

from msgspec import Meta, Struct

from napari_unet.core.package.errors import PackageError

DEFAULT_LICENCE = "CC-BY-4.0"
_TITLE = re.compile(r"[A-Za-z0-9_+\- ()]{5,128}")


class Label(Struct, frozen=True):
    """What people write on a package.

    Attributes
    ----------
    title : letters, digits, spaces and `_+-()`, 5 to 128 of them.
    authors : names, at least one.
    licence : an SPDX identifier, as CC-BY-4.0.
    about : what the model is for, in a sentence or two.
    data : what it was trained on, for example a link to the images.
    """

    title: str = "U-Net of napari-unet"
    authors: tuple[str, ...] = ()
    licence: str = DEFAULT_LICENCE
    about: Annotated[str, Meta(max_length=800)] = ""
    data: Annotated[str, Meta(max_length=800)] = ""

    def check(self) -> None:
        """Refuse what a package cannot carry.

        Raises
        ------
        PackageError
        """
        if not _TITLE.fullmatch(self.title):
            raise PackageError(
                f"“{self.title}” cannot be a package's title: use 5 to 128 letters, digits, "
                "spaces, or any of _ + - ( )."
            )
        if not self.authors or not all(name.strip() for name in self.authors):
            raise PackageError("A package needs an author: give at least one name.")
