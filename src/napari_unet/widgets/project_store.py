"""One project's folder as the window uses it: whatever is handed over reaches the disk soon."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import Enum
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_unet.core.annotations import Annotations
from napari_unet.core.header import ModelBytes
from napari_unet.core.project import folder, shelf
from napari_unet.core.project.canvas import Work
from napari_unet.core.project.changes import Entry, LabelClass, Plane
from napari_unet.core.project.errors import DamagedError
from napari_unet.core.project.folder import ProjectFolder
from napari_unet.core.project.manifest import Manifest, Source
from napari_unet.widgets.autosave import Autosave
from napari_unet.widgets.project_images import identified
from napari_unet.widgets.project_models import ModelCopies
from napari_unet.widgets.timers import single_shot, start_once


class _Kind(Enum):
    SNAPSHOT = 1
    HELD = 2


_SOON = 2000  # ms until numbers that change often are written
_PATIENCE = 5.0  # s that closing a project may wait for the disk


class Store(QObject):
    """Writes one project. The folder is made by the first write, and locked until `close`.

    Parameters
    ----------
    path : Path
    content : callable
        Gives the manifest as it is now, with absolute paths of images.
    opened : ProjectFolder, optional
        If it is there already.

    Attributes
    ----------
    entries : of the log, those included that wait to be written.
    models : takes the model that predicts now.
    failing : why strokes cannot be saved now, as the system says it; empty if they can.

    Signals
    -------
    changed : something was saved, or cannot be saved.
    warned, informed : str
        What is wrong with saving, or right again, as a sentence.
    identified : image number, layer number, Source
        The file of an image was looked at, or its pixels were copied.
    """

    changed = Signal()
    warned = Signal(str)
    informed = Signal(str)
    identified = Signal(int, int, object)
    _looked = Signal()

    def __init__(
        self, path: Path, content: Callable[[], Manifest], opened: ProjectFolder | None = None
    ) -> None:
        super().__init__()
        self.path = path
        self.entries = 0 if opened is None else opened.log.count
        self.failing = ""
        self._content = content
        self.models = ModelCopies(self._write_model)
        self._folder = opened  # of the threads
        self._whole = True  # whether all of it was there when it was moved last
        self._opening = Lock()
        self._found: deque[tuple[int, int, Source]] = deque()
        self._disk = Autosave()
        self._disk.saved.connect(self._on_saved)
        self._disk.failed.connect(self._on_failed)
        self._looked.connect(self._tell_found)
        self._soon = single_shot(self, self.save, _SOON)

    @property
    def pending(self) -> bool:
        """Whether something is not on the disk yet."""
        return self._disk.pending

    # -- what is handed over -------------------------------------------------------------

    def append(self, entry: Entry) -> None:
        """Add to the log of strokes."""
        self.entries += 1
        self._disk.add(partial(self._append, entry))
        self.touch()

    def save(self) -> None:
        """Write the manifest, before any stroke that comes after this."""
        self._soon.stop()
        self._disk.add(partial(self._save, self._content()))

    def touch(self) -> None:
        """Write the manifest soon."""
        start_once(self._soon)

    def snapshot(
        self, planes: Mapping[Plane, Annotations], classes: tuple[LabelClass, ...]
    ) -> None:
        """Write all paint as it is now."""
        task = partial(self._snapshot, self.entries, dict(planes), classes)
        self._disk.put(_Kind.SNAPSHOT, task)

    def keep_held(self, planes: Mapping[Plane, Annotations]) -> None:
        """Write which strokes are held out now."""
        self._disk.put(_Kind.HELD, partial(self._keep_held, dict(planes)))

    def identify(self, number: int, at: int, source: Source, pixels: Any) -> None:  # noqa: ANN401
        """Look at an image's file, or copy its pixels; `identified` tells the outcome."""
        self._disk.put((number, at), partial(self._identify, number, at, source, pixels))

    def flush(self, seconds: float) -> bool:
        """Write what waits to be written; whether all is on the disk."""
        self.models.flush()
        self._disk.flush(seconds)
        self._tell_found()
        self.save()
        return self._disk.flush(seconds)

    # -- its place -----------------------------------------------------------------------

    def move(self, path: Path, work: Work) -> bool:
        """Go on in a copy in another folder; a copy of the program's own is then not needed.

        Where the old one is not whole any more, the log begins anew with all of `work`; what waits
        to be written comes after it, and changes nothing that is not so already.

        Returns
        -------
        bool
            Whether it was whole.

        Raises
        ------
        ProjectError, OSError
            If the folder cannot be used; nothing is changed then.
        """
        self.flush(_PATIENCE)
        self._whole = True
        self._disk.now(partial(self._move, path, work))
        if not self._whole:  # one that still waits counts entries that are no longer there
            self.snapshot(work.planes, work.classes)
        self.save()
        self.changed.emit()
        return self._whole

    def close(self) -> None:
        """Let others open it. What waits to be written is lost: flush before."""
        self._soon.stop()
        self.models.stop()
        self._disk.close()
        if self._folder is not None:
            self._folder.close()

    # -- what is told --------------------------------------------------------------------

    def _write_model(self, name: str, model: ModelBytes) -> None:
        self._disk.put(name, partial(self._keep_model, name, model))

    def _tell_found(self) -> None:
        while self._found:
            self.identified.emit(*self._found.popleft())

    def _on_saved(self) -> None:
        was, self.failing = self.failing, ""
        if was:
            self.informed.emit("Saving works again: all your strokes are on the disk.")
        self.changed.emit()

    def _on_failed(self, said: str) -> None:
        was, self.failing = self.failing, said
        if not was:
            self.warned.emit(
                f"Your strokes cannot be saved: {said}. They are kept in memory, and training goes "
                "on. Make room, or choose Project > Save as… to save them in another place."
            )
        self.changed.emit()

    # -- in the threads ------------------------------------------------------------------

    def _open(self) -> ProjectFolder:
        with self._opening:
            if self._folder is None:
                self._folder = ProjectFolder.create(self.path)
            return self._folder

    def _append(self, entry: Entry) -> None:
        wrong = self._open().append([entry])
        if wrong:  # strokes must not wait for what never succeeds
            self.warned.emit(f"A change cannot be saved: {wrong[0]}. Undo it; the rest is saved.")

    def _save(self, content: Manifest) -> None:
        try:
            self._open().save(content)
        except DamagedError as error:  # strokes must not wait for what never succeeds
            self.warned.emit(f"The project's classes and numbers cannot be saved: {error}.")

    def _snapshot(
        self, entries: int, planes: dict[Plane, Annotations], classes: tuple[LabelClass, ...]
    ) -> None:
        with suppress(DamagedError):  # by classes, which is told when they are written
            self._open().snapshot(entries, planes, classes)

    def _keep_held(self, planes: dict[Plane, Annotations]) -> None:
        self._open().keep_held(planes)

    def _keep_model(self, name: str, model: ModelBytes) -> None:
        if model:
            self._open().keep_model(name, model)
        else:
            self._open().forget_model(name)

    def _identify(self, number: int, at: int, source: Source, pixels: Any) -> None:  # noqa: ANN401
        name = f"images/{number}-{at}-{os.urandom(3).hex()}.npy"  # an older copy may be in use
        done = identified(source, pixels, self._open().path, name)
        self._found.append((number, at, done))
        self._looked.emit()
        if done.file is None and done.copy is None:
            self.warned.emit(
                f"“{source.name}” has no file of its own and is too large to be copied: save it as "
                "a file and open that, so that it is found again."
            )

    def _move(self, path: Path, work: Work) -> None:
        old = self._folder
        if old is None:
            self._folder = ProjectFolder.create(path)
        else:
            self._whole = old.is_whole()
            self._folder = old.copy_to(path, work)
            self.entries += self._folder.log.count - old.log.count
            if shelf.is_unsaved(old.path):
                folder.remove(old.path)
        self.path = path
