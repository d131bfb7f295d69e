"""What can be wrong with a package of bioimage.io."""

from __future__ import annotations

from napari_unet.core.files import FileError


class PackageError(FileError):
    """A package that cannot be made or used; the message says what to do."""
