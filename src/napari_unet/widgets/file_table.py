"""A table of files with what became of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from napari_unet.engine.messages import FileAdvanced, FileSegmented

_FILE, _STATE, _TIME, _OBJECTS, _ERROR = range(5)
_HEADS = ("File", "State", "Time", "Objects", "Error")
_ROLES = Qt.ItemDataRole
_Place: TypeAlias = QModelIndex | QPersistentModelIndex


@dataclass
class _Row:
    """A file: how much of it is done, and in the end what came of it."""

    source: str
    share: float | None = None
    end: FileSegmented | None = None

    def texts(self) -> tuple[str, str, str, str, str]:
        """What stands in the columns."""
        name, end = Path(self.source).name, self.end
        if end is None:
            return name, "waits" if self.share is None else f"{self.share:.0%}", "", "", ""
        objects = "" if end.objects is None else str(end.objects)
        if end.error:
            return name, "✗ failed", "", "", end.error
        if end.skipped:
            return name, "– done before", "", objects, ""
        return name, "✓ done", f"{end.seconds:.1f} s", objects, ""


class _Files(QAbstractTableModel):
    """Rows are looked up by file, so a folder of thousands stays quick."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.rows: list[_Row] = []
        self._numbers: dict[str, int] = {}

    def fill(self, sources: Sequence[str]) -> None:
        self.beginResetModel()
        self.rows = [_Row(source) for source in sources]
        self._numbers = {source: number for number, source in enumerate(sources)}
        self.endResetModel()

    def row_of(self, source: str) -> int:
        """The row of a file; a new one at the end if it has none."""
        if source not in self._numbers:
            self._numbers[source] = len(self.rows)
            self.beginInsertRows(QModelIndex(), len(self.rows), len(self.rows))
            self.rows.append(_Row(source))
            self.endInsertRows()
        return self._numbers[source]

    def changed(self, row: int) -> None:
        self.dataChanged.emit(self.index(row, 0), self.index(row, len(_HEADS) - 1))

    def rowCount(self, parent: _Place | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def columnCount(self, parent: _Place | None = None) -> int:  # noqa: ARG002 - Qt's
        return len(_HEADS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = _ROLES.DisplayRole
    ) -> str | None:
        if role == _ROLES.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return _HEADS[section]
        return None

    def data(self, index: _Place, role: int = _ROLES.DisplayRole) -> object:
        row, column = self.rows[index.row()], index.column()
        if role == _ROLES.DisplayRole:
            return row.texts()[column]
        if role == _ROLES.ToolTipRole:
            return row.texts()[_ERROR] or row.source
        if role == _ROLES.TextAlignmentRole and column in {_TIME, _OBJECTS}:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None


class FileTable(QTableView):
    """File, state, time, objects and error of each file.

    Signals
    -------
    opened : FileSegmented
        A file that is done was double-clicked, or Enter pressed on it.
    complained : str
        A file that failed was clicked, or reached with the arrow keys: what is wrong with it.
    """

    opened = Signal(object)
    complained = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._files = _Files(self)
        self.setModel(self._files)
        self.setAccessibleName("Files")
        self.setToolTip(
            "Double-click a file that is done, or press Enter, to see it with its results."
        )
        self.setTabKeyNavigation(False)  # Tab leaves it, as it does everywhere else
        self.verticalHeader().hide()
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setWordWrap(False)
        head = self.horizontalHeader()
        head.setStretchLastSection(True)
        for column, width in ((_FILE, 120), (_STATE, 92), (_TIME, 58), (_OBJECTS, 62)):
            head.setSectionResizeMode(column, QHeaderView.ResizeMode.Interactive)
            self.setColumnWidth(column, width)
        self.hideColumn(_ERROR)
        self.activated.connect(self._on_activated)  # by a double click or Enter
        self.clicked.connect(self._on_current)  # the current one, too, after another sentence
        self.selectionModel().currentChanged.connect(self._on_current)

    def fill(self, sources: Sequence[str]) -> None:
        """Show files that wait."""
        self._files.fill(sources)
        self.hideColumn(_ERROR)

    def advance(self, file: FileAdvanced) -> None:
        """Show how far a file is."""
        row = self._files.row_of(file.source)
        self._files.rows[row].share = file.share
        self._files.changed(row)

    def finish(self, file: FileSegmented) -> None:
        """Show what became of a file."""
        row = self._files.row_of(file.source)
        self._files.rows[row].end = file
        self._files.changed(row)
        if file.error:
            self.showColumn(_ERROR)
        self.scrollTo(self._files.index(row, 0))

    def texts(self) -> list[list[str]]:
        """What the table says, row by row."""
        return [list(row.texts()) for row in self._files.rows]

    def _on_current(self, index: QModelIndex) -> None:
        end = self._files.rows[index.row()].end if index.isValid() else None
        if end is not None and end.error:
            self.complained.emit(end.error)

    def _on_activated(self, index: QModelIndex) -> None:
        end = self._files.rows[index.row()].end
        if end is not None and not end.error:
            self.opened.emit(end)
