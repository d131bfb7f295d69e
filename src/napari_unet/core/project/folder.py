"""A project's folder: made, opened and recovered, and written to, one whole file at a time.

::

    project.json          what it is made of        strokes.log    every change of paint
    project.backup.json   a second copy             snapshot.bin   all paint now and then
    held.bin              strokes held out          checkpoints/   best and last model
    images/               copies of small images    lock           who has it open
    damaged/              what could not be read
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from napari_unet.core.annotations import Annotations
from napari_unet.core.header import ModelBytes
from napari_unet.core.project import disk, manifest, manifest_file, snapshot, sources
from napari_unet.core.project.canvas import Work, bridge
from napari_unet.core.project.changes import Entry, LabelClass, Plane
from napari_unet.core.project.errors import ProjectError
from napari_unet.core.project.log import StrokeLog
from napari_unet.core.project.manifest import Manifest

MANIFEST, BACKUP = "project.json", "project.backup.json"
LOG, SNAPSHOT, HELD, LOCK = "strokes.log", "snapshot.bin", "held.bin", "lock"
BEST, LAST = "checkpoints/best.safetensors", "checkpoints/last.safetensors"
_WRITTEN = (MANIFEST, BACKUP, LOG, SNAPSHOT, HELD, LOCK, "checkpoints", "images", disk.ASIDE)


@dataclass
class ProjectFolder:
    """An open project, which nobody else can open meanwhile.

    Its methods may be called from one thread at a time, and raise OSError when the disk refuses.
    """

    path: Path
    log: StrokeLog
    lock: FileLock

    @classmethod
    def create(cls, path: Path) -> ProjectFolder:
        """Begin a project in a new or empty folder.

        Raises
        ------
        ProjectError
            If there is something in the folder already.
        OSError
        """
        check_free(path)
        disk.make_folder(path)
        return cls(path, StrokeLog(path / LOG), locked(path))

    def append(self, entries: Sequence[Entry]) -> tuple[str, ...]:
        """Add to the log of strokes; what is wrong with changes that had to be left out."""
        return self.log.append(entries)

    def save(self, content: Manifest) -> None:
        """Write the manifest, and its second copy; paths of images in it are absolute.

        Raises
        ------
        DamagedError
            If it could not be read again; what is on the disk stays.
        """
        home = self.path.resolve()
        data = manifest_file.encode(manifest.linked(content, lambda path: sources.link(path, home)))
        manifest_file.decode(data)
        disk.write(self.path / MANIFEST, data)
        disk.write(self.path / BACKUP, data)

    def snapshot(
        self, entries: int, planes: Mapping[Plane, Annotations], classes: tuple[LabelClass, ...]
    ) -> None:
        """Write all paint as it was after so many entries of the log."""
        snapshot.write(self.path / SNAPSHOT, entries, planes, classes)

    def keep_held(self, planes: Mapping[Plane, Annotations]) -> None:
        """Write which strokes are held out, as paint of classes."""
        snapshot.write(self.path / HELD, 0, planes, ())

    def keep_model(self, name: str, data: ModelBytes) -> None:
        """Write a model file, `BEST` or `LAST`."""
        disk.write(self.path / name, data)

    def forget_model(self, name: str) -> None:
        """Delete a model file, `BEST` or `LAST`."""
        (self.path / name).unlink(missing_ok=True)

    def is_whole(self) -> bool:
        """Whether the log is as long as it was written; its disk may be gone."""
        file = self.log.path
        return not self.log.end or (file.is_file() and file.stat().st_size >= self.log.end)

    def copy_to(self, path: Path, work: Work) -> ProjectFolder:
        """A copy of all files in a new or empty folder, open; this one is closed.

        Links to images are relative to the folder, so the manifest must be saved anew. Where the
        log is not whole any more, it begins anew with all of `work`.

        Raises
        ------
        ProjectError
            If the other folder lies in this one, or is not empty.
        OSError
        """
        if self.path.resolve() in path.resolve().parents:
            raise ProjectError(
                f"{path} lies in the folder of the project itself: choose a place outside of "
                f"{self.path}."
            )
        whole, copy = self.is_whole(), ProjectFolder.create(path)
        try:
            for file in sorted(self.path.rglob("*")):
                name = file.relative_to(self.path)
                if file.is_file() and name.name != LOCK and not name.name.endswith(".part"):
                    with file.open("rb") as source, disk.durable(path / name) as target:
                        shutil.copyfileobj(source, target)
            if whole:
                copy.log = StrokeLog(path / LOG, self.log.end, self.log.count)
            else:
                copy.begin_log(work)
        except BaseException:
            copy.close()
            raise
        self.close()
        return copy

    def begin_log(self, work: Work) -> None:
        """Write all paint into an empty log."""
        everything = bridge(Work(), work, time.time())
        self.append([] if everything is None else [everything])
        self.snapshot(self.log.count, work.planes, work.classes)

    def close(self) -> None:
        """Let others open it."""
        self.lock.release()


def check_free(path: Path) -> None:
    """Refuse a folder that a project cannot be begun in.

    Raises
    ------
    ProjectError
        If there is something in it.
    OSError
        If it cannot be read.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise ProjectError(f"{path} is not empty: choose a new folder for the project.")


def locked(path: Path) -> FileLock:
    """Lock a project for this process; the system lets go of it when the process ends.

    Raises
    ------
    ProjectError
        If another process, or another window of this one, has it open; or if some of its files
        are links, as what they lead to would be written and cut.
    OSError
        If the folder cannot be written.
    """
    for name in _WRITTEN:
        if (path / name).is_symlink():
            raise ProjectError(
                f"The project {path} cannot be used: “{name}” in it is a link to another place, "
                "which would be changed. Put the file itself there if you know it."
            )
    lock = FileLock(path / LOCK, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise ProjectError(
            f"The project {path} is open in another napari window. Close it there first."
        ) from error
    return lock


def is_open(path: Path) -> bool:
    """Whether somebody has the project open."""
    try:
        locked(path).release()
    except ProjectError:
        return True
    except OSError:
        return False
    return False


def remove(path: Path) -> None:
    """Delete a project's folder of which there is a copy."""
    with contextlib.suppress(OSError):
        shutil.rmtree(path)
