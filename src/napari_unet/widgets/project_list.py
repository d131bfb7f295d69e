"""The images of a project as a list: what was done on each, which are kept for validation."""

from __future__ import annotations

from dataclasses import dataclass

from napari.layers import Image
from napari.viewer import Viewer
from qtpy.QtCore import QEvent, QSignalBlocker, Qt
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTreeWidget, QTreeWidgetItem, QWidget

from napari_unet.widgets.binding import Binding
from napari_unet.widgets.look import show_only
from napari_unet.widgets.studio import Studio
from napari_unet.widgets.timers import single_shot

_SOON = 300  # ms
_MOST = 6  # rows without scrolling
_NAME, _STATE, _ASIDE = range(3)
_TIPS = (
    "Click to work on it.",
    "What there is of it so far.",
    "For validation: its strokes only make the score, nothing is learnt of them. Space ticks it.",
)


@dataclass(frozen=True)
class Row:
    """What the list says of an image.

    Attributes
    ----------
    image : its layer; None if it could not be found.
    aside : it is kept for validation; None where that cannot be chosen yet.
    """

    image: Image | None
    name: str
    state: str
    aside: bool | None
    active: bool


def rows(studio: Studio) -> tuple[Row, ...]:
    """The images of the project, then those of the viewer that were not used yet."""
    desk, book = studio.desk, studio.project.book
    found = [_bound(studio, binding) for binding in sorted(desk.bindings, key=lambda b: b.number)]
    open_ones = {book.number(binding) for binding in desk.bindings}
    for number, entry in book.entries.items():
        if number not in open_ones:
            found.append(Row(None, entry.layers[0].name, "not open", entry.aside, active=False))
    taken = [layer for b in desk.bindings for layer in (*b.images, b.tiles.overlay)]
    unused = [
        Row(image, image.name, "", None, active=False)
        for image in reversed(studio.watch.layers(Image))
        if not any(image is layer for layer in taken)
    ]
    return (*found, *unused)


def _bound(studio: Studio, binding: Binding) -> Row:
    done = ("annotated" * binding.annotated, "predicted" * binding.predicted)
    aside = studio.desk.planes.held.aside(binding.image)
    active = binding is studio.desk.active
    return Row(binding.image, binding.image.name, ", ".join(filter(None, done)), aside, active)


class ImageList(QTreeWidget):
    """Lists several images; hidden where there is only one."""

    def __init__(self, studio: Studio, viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio, self._viewer = studio, viewer
        self._rows: tuple[Row, ...] = ()
        self.setAccessibleName("Images")
        self.setToolTip("Click an image, or press Enter on it, to work on it.")
        self.setHeaderLabels(["Images", "", "Validate"])
        for column, tip in enumerate(_TIPS):
            self.headerItem().setToolTip(column, tip)
        self.setRootIsDecorated(False)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.header().setStretchLastSection(False)
        self.header().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.header().setSectionResizeMode(_NAME, QHeaderView.ResizeMode.Stretch)
        self.hide()  # until there are several
        self._soon = single_shot(self, self.refresh, _SOON)
        for signal in (studio.news, studio.painted, studio.image_changed, studio.project.changed,
                       studio.watch.layers_changed):  # fmt: skip
            signal.connect(self._ask)
        self.itemChanged.connect(self._on_changed)
        self.itemClicked.connect(self._on_clicked)
        self.itemActivated.connect(self._on_clicked)
        self.refresh()

    def _ask(self) -> None:
        if not self._soon.isActive():
            self._soon.start()

    def refresh(self) -> None:
        """Show how it stands."""
        found = rows(self._studio)
        if found == self._rows and self.topLevelItemCount() == len(found):
            return
        row = self.currentIndex().row()
        current = self._rows[row].image if 0 <= row < len(self._rows) else None
        self._rows = found
        with QSignalBlocker(self):
            self.clear()
            self.addTopLevelItems([_item(row) for row in found])
            if current is not None:
                same = [number for number, row in enumerate(found) if row.image is current]
                self.setCurrentIndex(self.model().index(same[0] if same else -1, _NAME))
        self.setVisible(len(found) > 1)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        """Rows have another height in another style; the panel has its own only once it is made."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange:
            self._fit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """The arrows choose a row, Enter opens its image, and Space ticks *Validate*."""
        item = self.currentItem()
        if event.key() != Qt.Key.Key_Space or item is None or item.isDisabled():
            super().keyPressEvent(event)
        elif item.data(_ASIDE, Qt.ItemDataRole.CheckStateRole) is not None:
            on = item.checkState(_ASIDE) is Qt.CheckState.Checked
            item.setCheckState(_ASIDE, Qt.CheckState.Unchecked if on else Qt.CheckState.Checked)

    def _fit(self) -> None:
        if count := self.topLevelItemCount():
            height = self.sizeHintForRow(0) * min(count, _MOST)
            self.setFixedHeight(height + self.header().sizeHint().height() + 4)

    def _on_clicked(self, item: QTreeWidgetItem, column: int) -> None:
        image = self._rows[self.indexOfTopLevelItem(item)].image
        if column != _ASIDE and image is not None:
            jump_to(self._studio, self._viewer, image)

    def _on_changed(self, item: QTreeWidgetItem, column: int) -> None:
        image = self._rows[self.indexOfTopLevelItem(item)].image
        binding = next((b for b in self._studio.desk.bindings if b.image is image), None)
        if column == _ASIDE and binding is not None:
            aside = item.checkState(_ASIDE) is Qt.CheckState.Checked
            self._studio.project.put_aside(binding, aside=aside)


def _item(row: Row) -> QTreeWidgetItem:
    item = QTreeWidgetItem([row.name, row.state, ""])
    font = item.font(_NAME)
    font.setBold(row.active)
    item.setFont(_NAME, font)
    item.setDisabled(row.image is None)
    if row.aside is not None:
        item.setCheckState(_ASIDE, Qt.CheckState.Checked if row.aside else Qt.CheckState.Unchecked)
    for column, tip in enumerate(_TIPS):
        item.setToolTip(column, tip)
    return item


def jump_to(studio: Studio, viewer: Viewer, image: Image) -> None:
    """Work on an image: show it, and hide the others with what belongs to them."""
    known = next((b for b in studio.desk.bindings if b.image is image), None)
    images = [image] if known is None else known.images
    studio.choose(images)
    show_only(viewer, studio.desk, images)
    viewer.reset_view()
