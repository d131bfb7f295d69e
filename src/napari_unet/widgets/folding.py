"""Makes superqt's folding sections fit in: all of the content, none of it in the way of Tab."""

from __future__ import annotations

from functools import partial

from qtpy.QtCore import QRect, Qt
from qtpy.QtGui import QColor, QIcon, QPainter, QPixmap
from superqt import QCollapsible

_UNLIMITED = (1 << 24) - 1  # px, Qt's own QWIDGETSIZE_MAX
_ARROW = 14  # px


def tidy(fold: QCollapsible) -> None:
    """Show the content as high as it comes to be, and none of it to the keyboard when folded."""
    fold.layout().setContentsMargins(0, 0, 0, 0)
    fold.layout().setSpacing(0)
    fold.setDuration(0)
    fold.toggleButton().setStyleSheet("text-align: left;")  # its own would hide the focus
    fold.toggled.connect(partial(_show_content, fold))
    _show_content(fold, fold.isExpanded())


def colour(fold: QCollapsible, text: str) -> None:
    """Draw the arrow in the colour of the theme's text, #rrggbb."""
    fold.setExpandedIcon(_arrow("▾", text))
    fold.setCollapsedIcon(_arrow("▸", text))


def _show_content(fold: QCollapsible, is_open: bool) -> None:  # noqa: FBT001 - Qt calls it
    content = fold.content()
    content.setVisible(is_open)
    if is_open:  # the height it had when it was opened would cut what it shows later
        content.setMaximumHeight(_UNLIMITED)


def _arrow(symbol: str, text: str) -> QIcon:
    pixmap = QPixmap(_ARROW, _ARROW)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setPen(QColor(text))
    painter.drawText(QRect(0, 0, _ARROW, _ARROW), Qt.AlignmentFlag.AlignCenter, symbol)
    painter.end()
    return QIcon(pixmap)
