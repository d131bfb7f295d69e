"""Unpacks a project that came as a zip file, which may be a stranger's."""

from __future__ import annotations

import shutil
import stat
import tempfile
import zlib
from pathlib import Path, PurePosixPath
from zipfile import BadZipFile, ZipFile, ZipInfo

from napari_unet.core.project.errors import ProjectError
from napari_unet.core.project.folder import BACKUP, LOCK, MANIFEST
from napari_unet.core.project.sources import is_near

_MOST_FILES = 100_000
_SPARE = 100 << 20  # bytes that are left free on the disk
_LONGEST = 200  # characters of a name in the archive
_UNREADABLE = (
    BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, ValueError, OverflowError,
)  # fmt: skip


def unpack(archive: Path) -> Path:
    """Unpack a zipped project beside its archive; whole, or not at all.

    Returns
    -------
    Path
        The new folder.

    Raises
    ------
    ProjectError
        If it is no zipped project, is damaged, does not fit on the disk, or holds names that lead
        out of the folder.
    """
    target = _free(archive.with_suffix(""))
    try:
        with ZipFile(archive) as source:
            entries = _checked(source, archive)
            with tempfile.TemporaryDirectory(dir=archive.parent, prefix=".unpacking-") as part:
                for name, entry in entries.items():
                    _write(source, entry, Path(part, "project", name))
                Path(part, "project").rename(target)
    except ProjectError:
        raise
    except _UNREADABLE as error:
        raise ProjectError(
            f"{archive.name} cannot be unpacked: it is damaged or no zip file ({error}). "
            "Ask for it again."
        ) from error
    except OSError as error:
        raise ProjectError(
            f"{archive.name} cannot be unpacked in {archive.parent}: {error.strerror or error}. "
            "Copy it to another place."
        ) from error
    return target


def _checked(source: ZipFile, archive: Path) -> dict[str, ZipInfo]:
    """The project's files in an archive by their names in its folder."""
    entries = [entry for entry in source.infolist() if not entry.is_dir()]
    homes = [e.filename[: -len(MANIFEST)] for e in entries if _name(e) in (MANIFEST, BACKUP)]
    if not homes or len(entries) > _MOST_FILES:
        raise ProjectError(
            f"{archive.name} is not a zipped project: there is no {MANIFEST} in it. "
            "Zip the project's whole folder."
        )
    home = min(homes, key=len)
    home = home if home.endswith("/") else ""
    inside = {e.filename[len(home) :]: e for e in entries if e.filename.startswith(home)}
    for name, entry in inside.items():
        if not _is_safe(name, entry):
            raise ProjectError(
                f"{archive.name} was not unpacked: “{name[:80]}” in it leads out of the project's "
                "folder. Do not use this file."
            )
    if sum(e.compress_size for e in inside.values()) > archive.stat().st_size:
        raise ProjectError(f"{archive.name} was not unpacked: its sizes contradict each other.")
    needed = sum(e.file_size for e in inside.values())
    if needed + _SPARE > shutil.disk_usage(archive.parent).free:
        raise ProjectError(
            f"{archive.name} needs {needed / 1e9:.1f} GB, more than is free on its disk: make "
            "room, or copy it to another place."
        )
    return {name: entry for name, entry in inside.items() if name != LOCK}


def _is_safe(name: str, entry: ZipInfo) -> bool:
    """Whether an entry is a plain file inside the folder, on any system."""
    parts = PurePosixPath(name).parts
    kind = stat.S_IFMT(entry.external_attr >> 16)
    return (
        0 < len(name) <= _LONGEST
        and is_near(name)
        and not name.startswith("/")
        and not set(name) & set('\\:*?"<>|')
        and name.isprintable()
        and not {"..", "."} & set(parts)
        and kind in (0, stat.S_IFREG)
    )


def _write(source: ZipFile, entry: ZipInfo, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # a wrong size or checksum is found while reading
    with source.open(entry) as packed, path.open("xb") as file:
        shutil.copyfileobj(packed, file, 1 << 20)


def _name(entry: ZipInfo) -> str:
    return PurePosixPath(entry.filename).name


def _free(path: Path) -> Path:
    """A folder of this name, or one like it, that is not there yet."""
    number, found = 1, path
    while found.exists():
        number += 1
        found = path.with_name(f"{path.name} ({number})")
    return found
