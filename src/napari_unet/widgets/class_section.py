"""The table of classes: colour, name, painted pixels; a click chooses what to paint."""

from __future__ import annotations

from typing import cast

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import (
    QAbstractItemView,
    QColorDialog,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_unet.widgets.classes import ClassListError
from napari_unet.widgets.studio import Studio

_NAME, _COUNT = 0, 1
_ROWS = 6  # of the table's height at most; more scroll
_SWATCH = 14  # px


class ClassSection(QWidget):
    """Classes of the studio; adds, renames, recolours and removes them."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._filling = False
        self.table = self._make_table()
        self.add = _button("+ Class", "Add a class.", self._on_add)
        self.colour = _button("Colour…", "Choose another colour for this class.", self._on_colour)
        self.remove = _button("Remove", "Remove this class and erase its strokes.", self._on_remove)
        row = QHBoxLayout()
        for button in (self.add, self.colour, self.remove):
            row.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.table)
        layout.addLayout(row)
        self.table.cellClicked.connect(self._on_clicked)
        self.table.itemChanged.connect(self._on_renamed)
        studio.roster.changed.connect(self.refresh)
        studio.painted.connect(self._count)
        studio.roster.selected_changed.connect(self._mark)
        self.refresh()

    def _make_table(self) -> QTableWidget:
        table = QTableWidget(0, 2, self)
        table.setAccessibleName("Classes")
        table.setToolTip("Click a class to paint it. Double-click its name to rename it.")
        table.setHorizontalHeaderLabels(["Class", "Painted"])
        table.verticalHeader().hide()
        header = table.horizontalHeader()
        header.setSectionResizeMode(_NAME, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(_COUNT, QHeaderView.ResizeMode.ResizeToContents)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked
            | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        table.setIconSize(QSize(_SWATCH, _SWATCH))
        table.setShowGrid(False)
        table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        return table

    def refresh(self) -> None:
        """Show the classes as they are."""
        self._filling = True
        items = self._studio.roster.classes.items
        self.table.setRowCount(len(items))
        for row, item in enumerate(items):
            name = QTableWidgetItem(_swatch(item.colour), item.name)
            count = QTableWidgetItem()
            count.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
            count.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self.table.setItem(row, _NAME, name)
            self.table.setItem(row, _COUNT, count)
        self._filling = False
        self._fit()
        self._count()
        self._mark()

    def _fit(self) -> None:
        table = self.table
        rows = sum(table.rowHeight(r) for r in range(min(table.rowCount(), _ROWS)))
        table.setFixedHeight(table.horizontalHeader().sizeHint().height() + rows + 8)

    def _count(self) -> None:
        self._filling = True
        counts = self._studio.desk.counts
        for row in range(self.table.rowCount()):
            painted = int(counts[row + 1])
            item = cast("QTableWidgetItem", self.table.item(row, _COUNT))
            item.setText(f"{painted:,} px" if painted else "–")
        self._filling = False

    def _mark(self) -> None:
        self.table.selectRow(self._studio.roster.selected - 1)
        self.remove.setEnabled(self.table.rowCount() > 2)

    def _on_clicked(self, row: int) -> None:
        self._studio.roster.select(row + 1)

    def _on_renamed(self, item: QTableWidgetItem) -> None:
        if self._filling or item.column() != _NAME:
            return
        try:
            self._studio.roster.set(
                self._studio.roster.classes.renamed(item.row() + 1, item.text())
            )
        except ClassListError as error:
            self._studio.lesson.complain(str(error))
            self.refresh()

    def _on_add(self) -> None:
        classes = self._studio.roster.classes
        try:
            self._studio.roster.set(classes.grown(len(classes) + 1))
        except ClassListError as error:
            self._studio.lesson.complain(str(error))
            return
        self._studio.roster.select(len(classes) + 1)
        self.table.editItem(cast("QTableWidgetItem", self.table.item(len(classes), _NAME)))

    def _on_colour(self) -> None:
        number = self._studio.roster.selected
        before = QColor(self._studio.roster.classes.colours[number - 1])
        after = QColorDialog.getColor(before, self, "Colour of this class")
        if after.isValid():
            self._studio.roster.set(self._studio.roster.classes.recoloured(number, after.name()))

    def _on_remove(self) -> None:
        try:
            self._studio.roster.remove(self._studio.roster.selected)
        except ClassListError as error:
            self._studio.lesson.complain(str(error))


def _button(text: str, tip: str, slot: object) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tip)
    button.clicked.connect(slot)
    return button


def _swatch(colour: str) -> QIcon:
    pixmap = QPixmap(_SWATCH, _SWATCH)
    pixmap.fill(QColor(colour))
    icon = QIcon()
    for mode in (QIcon.Mode.Normal, QIcon.Mode.Selected):  # a selected one is not tinted
        icon.addPixmap(pixmap, mode)
    return icon
