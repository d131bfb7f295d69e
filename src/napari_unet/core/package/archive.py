"""Reading single files out of a package, a zip file or a folder, from a stranger.

Nothing is unpacked, so no file can land anywhere; names cannot lead out of the package; and no
more is read than a file of its kind can need. No torch here: the window looks into packages, too.
"""

from __future__ import annotations

import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

from napari_unet.core.package.errors import PackageError
from napari_unet.core.package.extra import need

DESCRIPTIONS = ("bioimageio.yaml", "rdf.yaml", "model.yaml")
_LONGEST = 1 << 20  # bytes of a description
_LARGEST = 2 << 30  # bytes of weights
_NO_PACKAGE = (
    "is not a package of bioimage.io: choose a zip file or a folder that holds rdf.yaml, as "
    "downloaded from bioimage.io or made with napari-unet export."
)


def looks_like_one(path: Path) -> bool:
    """Whether a path may be a package, judged by its name and kind alone."""
    return path.suffix.lower() == ".zip" or path.is_dir() or path.name in DESCRIPTIONS


class Archive:
    """The files of a package.

    Parameters
    ----------
    path : Path
        A zip file, a folder, or the description in a folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.parent if path.name in DESCRIPTIONS else path

    def description(self) -> dict[str, Any]:
        """What the package says of itself.

        Raises
        ------
        PackageError
            If it is not a package.
        """
        for name in DESCRIPTIONS:
            data = self._read(name, _LONGEST)
            if data is not None:
                return _parsed(data)
        raise PackageError(f"{self.path} {_NO_PACKAGE}")

    def weights(self, name: str) -> bytes:
        """A file of weights.

        Raises
        ------
        PackageError
            If it is not in the package, or its name leads out of it.
        """
        parts = PurePosixPath(name.replace("\\", "/"))
        if parts.is_absolute() or ".." in parts.parts or ":" in name:
            raise PackageError(
                f"The package names weights that are not in it ({name[:100]}): download the whole "
                "package from bioimage.io."
            )
        data = self._read(parts.as_posix(), _LARGEST)
        if data is None:
            raise PackageError(f"The package lacks its file {name[:100]}: download it once more.")
        return data

    def _read(self, name: str, most: int) -> bytes | None:
        """At most so many bytes of a file, or None if there is no such file."""
        try:
            if self.path.is_dir():
                return self._read_from_folder(name, most)
            with zipfile.ZipFile(self.path) as archive:
                if name not in archive.namelist():
                    return None
                with archive.open(name) as file:
                    return _within(file.read(most + 1), most, name)
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
            raise PackageError(f"{self.path} {_NO_PACKAGE}") from error
        except OSError as error:
            raise PackageError(
                f"The package {self.path} cannot be read: {error.strerror or error}."
            ) from error

    def _read_from_folder(self, name: str, most: int) -> bytes | None:
        file, root = (self.path / name).resolve(), self.path.resolve()
        if not file.is_file() or not file.is_relative_to(root):  # a link may lead out of it
            return None
        with file.open("rb") as stream:
            return _within(stream.read(most + 1), most, name)


def _within(data: bytes, most: int, name: str) -> bytes:
    if len(data) > most:
        raise PackageError(
            f"The file {name[:100]} in the package is larger than {most >> 20} MiB: this is no "
            "model that can be used here."
        )
    return data


def _parsed(data: bytes) -> dict[str, Any]:
    """The description as plain values; entries that repeat others are refused, they can explode."""
    need("yaml")
    import yaml

    try:
        text = data.decode()
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text)):
            raise PackageError("The package's description has references in it; it is not read.")
        found = yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        if isinstance(error, PackageError):
            raise
        raise PackageError(f"The package's description cannot be read: {error}.") from error
    if not isinstance(found, dict) or found.get("type", "model") != "model":
        raise PackageError("This package does not hold a model: choose one that does.")
    return found


def weights_of(description: dict[str, Any]) -> tuple[str, ...]:
    """The formats of weights that a description names."""
    weights = description.get("weights")
    return tuple(map(str, weights)) if isinstance(weights, dict) else ()


def needs_trust(description: dict[str, Any]) -> bool:
    """Whether the model runs code of its author's, as TorchScript does and ONNX does not.

    Raises
    ------
    PackageError
        If it has weights of neither kind.
    """
    formats = weights_of(description)
    if "onnx" in formats:
        return False
    if "torchscript" in formats:
        return True
    raise PackageError(
        f"This package has its weights as {', '.join(formats) or 'nothing'}; napari-unet runs "
        "onnx and torchscript. Weights that need the author's Python files are not run."
    )
