"""Lets Tab go through a dock as its layout does, from top to bottom."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLayout, QWidget


def set_tab_order(dock: QWidget) -> None:
    """Order all that takes the keys; Qt itself goes by when it was made, or got its parent."""
    takers = [w for w in _laid_out(dock) if w.focusPolicy() & Qt.FocusPolicy.TabFocus]
    # the order is a ring: the dock is its beginning, and only what takes the keys can be ordered
    before = dock.focusPolicy()
    dock.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    for one, following in pairwise((dock, *takers)):
        QWidget.setTabOrder(one, following)
    dock.setFocusPolicy(before)


def _laid_out(widget: QWidget) -> Iterator[QWidget]:
    """A widget, and those in its layout."""
    yield widget
    if (layout := widget.layout()) is not None:
        yield from _items(layout)


def _items(layout: QLayout) -> Iterator[QWidget]:
    for number in range(layout.count()):
        item = layout.itemAt(number)
        if item is None:
            continue
        if (widget := item.widget()) is not None:
            yield from _laid_out(widget)
        elif (inner := item.layout()) is not None:
            yield from _items(inner)
