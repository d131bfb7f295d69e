"""The table of classes: colour, name, painted pixels; a click chooses what to paint."""

from __future__ import annotations

from typing import cast

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
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
from napari_unet.widgets.keys import NEXT_OBJECT
from napari_unet.widgets.studio import Studio
from napari_unet.widgets.take_section import TakeSection

_NAME, _COUNT = 0, 1
_ROWS = 6  # of the table's height at most; more scroll
_SWATCH = 14  # px
_APART = (
    "Give each object of this class an id and a colour of its own. Cells that touch are then "
    "learnt as two: paint one, press Next object, paint the next."
)
_NOT_APART = "The first class is the background: choose another one to tell its objects apart."
_NEXT = f"Paint another object of this class. ({NEXT_OBJECT})"


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
        self.apart = QCheckBox("Tell objects apart", self)
        self.apart.clicked.connect(self._on_apart)
        self.next = _button("Next object", _NEXT, studio.roster.next_object)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.table)
        for widgets in ((self.add, self.colour, self.remove), (self.apart, self.next)):
            row = QHBoxLayout()
            for widget in widgets:
                row.addWidget(widget)
            layout.addLayout(row)
        self.take = TakeSection(studio, self)
        layout.addWidget(self.take)
        self.table.cellClicked.connect(self._on_clicked)
        self.table.currentCellChanged.connect(self._on_moved)
        self.table.itemChanged.connect(self._on_renamed)
        studio.roster.changed.connect(self.refresh)
        studio.painted.connect(self._count)
        studio.roster.selected_changed.connect(self._mark)
        self.refresh()

    def _make_table(self) -> QTableWidget:
        table = QTableWidget(0, 2, self)
        table.setAccessibleName("Classes")
        table.setTabKeyNavigation(False)  # Tab leaves it, as it does everywhere else
        table.setToolTip(
            "Click a class to paint it. Double-click its name, or press F2, to rename it."
        )
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
            many = self._studio.roster.count_objects(row + 1)
            more = f"{many} object{'s' * (many > 1)}, " if many else ""
            item.setText(f"{more}{painted:,} px" if painted else "–")
        self._filling = False

    def _mark(self) -> None:
        roster = self._studio.roster
        self.table.selectRow(roster.selected - 1)
        apart = roster.selected in roster.classes.objects
        self.apart.setChecked(apart)
        self.apart.setEnabled(roster.selected > 1)
        self.apart.setToolTip(_APART if roster.selected > 1 else _NOT_APART)
        self.next.setVisible(apart)
        self.remove.setEnabled(self.table.rowCount() > 2)

    def _on_clicked(self, row: int) -> None:
        self._studio.roster.select(row + 1)

    def _on_moved(self, row: int) -> None:
        """The arrow keys choose a class, too."""
        if not self._filling and row >= 0 and row + 1 != self._studio.roster.selected:
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

    def _on_apart(self, on: bool) -> None:  # noqa: FBT001 - Qt calls it
        try:
            self._studio.roster.tell_apart(self._studio.roster.selected, on=on)
        except ClassListError as error:
            self._studio.lesson.complain(str(error))
            self._mark()

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
