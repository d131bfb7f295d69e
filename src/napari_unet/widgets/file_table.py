"""A table of files with what became of each."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from napari_unet.engine.messages import FileSegmented

_FILE, _STATE = 0, 1


class FileTable(QTableWidget):
    """File name and state; an error's whole sentence stands in the tooltip."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, 2, parent)
        self.setAccessibleName("Files")
        self.setHorizontalHeaderLabels(["File", "State"])
        self.verticalHeader().hide()
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.horizontalHeader().setSectionResizeMode(_FILE, QHeaderView.ResizeMode.Interactive)
        self.horizontalHeader().setStretchLastSection(True)

    def clear_files(self) -> None:
        """Forget all files."""
        self.setRowCount(0)

    def add(self, file: FileSegmented) -> None:
        """Show what became of one more file."""
        row = self.rowCount()
        self.insertRow(row)
        if file.error:
            state = f"✗ {file.error}"
        elif file.skipped:
            state = "– done before"
        else:
            state = f"✓ {file.seconds:.1f} s"
        for column, text, tip in (
            (_FILE, Path(file.source).name, file.source),
            (_STATE, state, file.error or file.target),
        ):
            item = QTableWidgetItem(text)
            item.setToolTip(tip)
            self.setItem(row, column, item)
        self.scrollToBottom()
