"""Where projects are found again: unsaved ones in the data folder, and a list of recent ones.

The environment variable NAPARI_UNET_DATA names another data folder.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec
import platformdirs

from napari_unet.core.files import printable
from napari_unet.core.project import disk, manifest, manifest_file
from napari_unet.core.project.errors import DamagedError, ProjectError
from napari_unet.core.project.folder import BACKUP, LOG, MANIFEST, is_open

_MANY = 10  # recent projects that are remembered


@dataclass(frozen=True)
class Unsaved:
    """A project that was begun without a place of its own.

    Attributes
    ----------
    changed : seconds since 1970 (UTC) of the last stroke.
    images : names of its images.
    """

    path: Path
    changed: float
    images: tuple[str, ...]


def data_folder() -> Path:
    """The program's folder for data of this user."""
    chosen = os.environ.get("NAPARI_UNET_DATA")
    if chosen:
        return Path(chosen)
    return Path(platformdirs.user_data_path(manifest.PROGRAM, appauthor=False))


def new_place() -> Path:
    """Where to begin an unsaved project: a folder that no other window has."""
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}-{os.urandom(3).hex()}"
    return _unsaved() / name


def is_unsaved(path: Path) -> bool:
    """Whether a project lies in the program's own folder."""
    return path.parent == _unsaved()


def unsaved() -> list[Unsaved]:
    """Unsaved projects with strokes that nobody has open, the newest first."""
    found = []
    for path in _unsaved().glob("*/"):
        known = _known(path)
        if known is not None and not is_open(path):
            found.append(known)
    return sorted(found, key=lambda one: one.changed, reverse=True)


def discard(path: Path) -> Path:
    """Offer an unsaved project no more; its files are kept and moved to the returned folder.

    Raises
    ------
    OSError
    """
    target = data_folder() / "discarded" / path.name
    target.parent.mkdir(parents=True, exist_ok=True)
    path.rename(target)
    return target


def recent() -> list[Path]:
    """Projects that were open lately and are still there, the last one first."""
    try:
        names = msgspec.json.decode(_list().read_bytes(), type=list[str])
    except (OSError, msgspec.MsgspecError, UnicodeError):
        return []
    return [Path(name) for name in names[:_MANY] if (Path(name) / MANIFEST).is_file()]


def remember(path: Path) -> None:
    """Put a project first on the list of recent ones.

    Raises
    ------
    OSError
    """
    others = [str(known) for known in recent() if known != path]
    disk.write(_list(), msgspec.json.encode([printable(str(path)), *others][:_MANY]))


def _known(path: Path) -> Unsaved | None:
    log = path / LOG
    for name in (MANIFEST, BACKUP):
        try:
            content, _ = manifest_file.decode((path / name).read_bytes())
            return Unsaved(
                path,
                log.stat().st_mtime,
                tuple(image.layers[0].name for image in content.images),
            )
        except (OSError, DamagedError, ProjectError):
            continue
    return None


def _unsaved() -> Path:
    return data_folder() / "unsaved"


def _list() -> Path:
    return data_folder() / "recent.json"
