"""The project of one viewer: records what is painted, and steps back and forth through it."""

from __future__ import annotations

import time
from pathlib import Path

from qtpy.QtCore import QCoreApplication, QObject, Signal

from napari_unet.core.header import ModelBytes
from napari_unet.core.project import shelf
from napari_unet.core.project.changes import Entry
from napari_unet.core.project.folder import ProjectFolder
from napari_unet.core.project.manifest import Manifest, Source
from napari_unet.core.project.record import Record
from napari_unet.core.project.recovery import Opened
from napari_unet.core.settings import Settings
from napari_unet.widgets.binding import Binding
from napari_unet.widgets.desk import Desk
from napari_unet.widgets.lesson import Lesson
from napari_unet.widgets.project_book import ImageBook
from napari_unet.widgets.project_steps import Steps
from napari_unet.widgets.project_store import Store
from napari_unet.widgets.project_values import progress_of
from napari_unet.widgets.project_witness import Witness
from napari_unet.widgets.roster import Roster

_PATIENCE = 5.0  # s that closing may wait for the disk
_SNAPSHOT = 100  # entries of the log between two snapshots of all paint


class Project(QObject):
    """What is painted in one viewer, as it is recorded on the disk.

    Nothing is written until the user paints; then an unsaved project is begun by itself.

    Attributes
    ----------
    store : where it is written; None as long as nothing is.
    folder : of images that is walked through.

    Signals
    -------
    changed : its place, its saving or its history are different now.
    warned, informed : str
        What is wrong with saving, or right again, as a sentence.
    """

    changed = Signal()
    warned = Signal(str)
    informed = Signal(str)

    def __init__(self, desk: Desk, roster: Roster, lesson: Lesson) -> None:
        super().__init__()
        self._desk, self._roster, self._lesson = desk, roster, lesson
        self._settings = Settings()
        self._witness = Witness(desk, roster)
        self._steps = Steps(desk, roster, self._witness, self._write)
        self._start_anew()
        self._witness.made.connect(self._on_made)
        self._witness.entered.connect(self._on_entered)
        self._witness.held.connect(self._on_held)
        lesson.learnt.connect(self._on_learnt)
        app = QCoreApplication.instance()
        if app is not None:
            app.aboutToQuit.connect(self.close)

    def _start_anew(self) -> None:
        self.store: Store | None = None
        self._made = self.folder = ""
        self._held: list[Entry] = []  # until the user paints
        self._model: ModelBytes = b""
        self._begun: ModelBytes = b""  # what training began with, if that was loaded

    @property
    def record(self) -> Record:
        """The paint and its history."""
        return self._witness.record

    @property
    def book(self) -> ImageBook:
        """Its images."""
        return self._witness.book

    # -- its place -----------------------------------------------------------------------

    @property
    def path(self) -> Path | None:
        """Its folder; None if it has none yet."""
        return None if self.store is None else self.store.path

    @property
    def is_unsaved(self) -> bool:
        """Whether it lies in the program's own folder, for want of a better place."""
        return self.path is not None and shelf.is_unsaved(self.path)

    def use_settings(self, settings: Settings) -> None:
        """The user chose other settings."""
        self._settings = settings
        self.touch()

    def save_as(self, path: Path) -> None:
        """Go on in a new or empty folder.

        Raises
        ------
        ProjectError, OSError
            If the folder cannot be used; nothing is changed then.
        """
        self._witness.settle()
        if self.store is None:
            self._begin(Store(path, self._manifest, ProjectFolder.create(path)))
        elif not self.store.move(path, self.record.work):
            self.book.copy_anew(self.store)
        self.changed.emit()

    def adopt(self, opened: Opened) -> None:
        """Go on with a project that was opened. The desk must be empty."""
        book = ImageBook(self._desk, opened.manifest.images, opened.held)
        self._witness.go_on(opened.record, book)
        self._made, self._settings = opened.manifest.made, opened.manifest.settings
        self.folder = opened.manifest.folder
        store = Store(opened.folder.path, self._manifest, opened.folder)
        store.models.best = opened.manifest.progress.best
        self._take(store)
        self.changed.emit()

    def leave(self) -> bool:
        """Close it and be a new one without a place; False if not all could be written."""
        if not self.close():
            return False
        if self.store is not None:
            self.store.close()
        self._start_anew()
        self._witness.start_anew()
        self.changed.emit()
        return True

    def close(self) -> bool:
        """Write what is left; whether all is on the disk."""
        self._witness.settle()
        if self.store is None:
            return True
        self._snapshot(self.store)
        return self.store.flush(_PATIENCE)

    # -- back and forth ------------------------------------------------------------------

    def undo(self) -> None:
        """Take the last stroke back, wherever it is."""
        if self._steps.undo():
            self.changed.emit()

    def redo(self) -> None:
        """Do again what was taken back last."""
        if self._steps.redo():
            self.changed.emit()

    # -- what is written -----------------------------------------------------------------

    def touch(self) -> None:
        """Numbers, settings or the image in work are others now."""
        if self.store is not None:
            self.store.touch()

    def _on_made(self, entry: Entry) -> None:
        self._write(entry)
        self.changed.emit()

    def put_aside(self, binding: Binding, *, aside: bool) -> None:
        """Keep an image for validation, or learn from it again."""
        self._desk.planes.put_aside(binding, aside=aside)
        number, _ = self.book.enter(binding)
        self._on_entered(number)
        self.changed.emit()

    def _on_held(self) -> None:
        if self.store is not None:
            self.store.keep_held(self.book.held)

    def _on_entered(self, number: int) -> None:
        if self.store is not None:
            self.store.save()
            self.book.identify(self.store, number)

    def _write(self, entry: Entry) -> None:
        if self.store is None and entry.how == "base":
            self._held.append(entry)
            return
        store = self.store or self._begin(Store(shelf.new_place(), self._manifest))
        store.append(entry)
        if store.entries % _SNAPSHOT == 0:
            self._snapshot(store)

    def _begin(self, store: Store) -> Store:
        self._made = time.strftime("%Y-%m-%d %H:%M:%S")
        self._take(store)
        store.save()
        for entry in self._held:
            store.append(entry)
        self._held = []
        for number in self.book.entries:
            self.book.identify(store, number)
        if self._model:
            store.models.keep(self._model, None)
        store.models.begin(self._begun)
        store.keep_held(self.book.held)
        return store

    def _take(self, store: Store) -> None:
        self.store = store
        store.identified.connect(self._on_identified)
        store.changed.connect(self.changed)
        store.warned.connect(self.warned)
        store.informed.connect(self.informed)

    def _on_identified(self, number: int, at: int, source: Source) -> None:
        self.book.identified(number, at, source)
        if self.store is not None:
            self.store.save()

    def _on_learnt(self, model: ModelBytes) -> None:
        begins = not model or self._lesson.loaded is not None
        self._model, self._begun = model, model if begins else self._begun
        if self.store is None:
            return
        if begins:
            self.store.models.begin(model)
        if model:
            self.store.models.keep(model, self._lesson.report.held_out)
        else:
            self.store.models.forget()

    def _snapshot(self, store: Store) -> None:
        store.snapshot(self.record.work.planes, self.record.work.classes)

    def _manifest(self) -> Manifest:
        active, store = self._desk.active, self.store
        return Manifest(
            made=self._made,
            classes=self.record.work.classes,
            images=tuple(self.book.entries.values()),
            active=None if active is None else self.book.number(active),
            settings=self._settings,
            progress=progress_of(self._lesson.report, None if store is None else store.models.best),
            folder=self.folder,
            volumes=self._desk.planes.volumes,
        )
