"""Widgets one below the other, which scroll up and down but never sideways."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from qtpy.QtCore import QEvent, QObject, QPoint, QSize, Qt
from qtpy.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget
from superqt import QCollapsible

from napari_unet.widgets.timers import single_shot

_UNFOLDED = 500  # ms after which an unfolding section has its height


class Column(QScrollArea):
    """As wide at least as what is in it needs, and the scroll bar beside it."""

    def __init__(self, widgets: Iterable[QWidget], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._inner = inner = QWidget()
        inner.setObjectName("content")
        layout = QVBoxLayout(inner)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.setSpacing(8)
        for widget in widgets:
            layout.addWidget(widget)
        layout.addStretch(1)
        self.setWidget(inner)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._unfolding: QWidget | None = None
        self._settled = single_shot(self, self._on_settled, _UNFOLDED)
        inner.installEventFilter(self)

    def minimumSizeHint(self) -> QSize:
        """So wide that the scroll bar covers nothing."""
        width = self._inner.minimumSizeHint().width()
        return QSize(width + self.verticalScrollBar().sizeHint().width(), 100)

    def follow(self, fold: QCollapsible) -> None:
        """Scroll to a section when the user unfolds it."""
        fold.installEventFilter(self)
        fold.toggled.connect(partial(self._on_toggled, fold))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """What is in it may need more room than before; what unfolds is kept in view."""
        if event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        elif event.type() == QEvent.Type.Resize and watched is self._unfolding:
            self._show(self._unfolding)
        return super().eventFilter(watched, event)

    def keep_in_view(self, fold: QWidget) -> None:
        """Scroll to a section that is about to grow."""
        self._unfolding = fold
        self._settled.start()

    def _on_toggled(self, fold: QCollapsible, is_open: bool) -> None:  # noqa: FBT001 - Qt calls it
        self._unfolding = fold if is_open else None
        self._settled.start()

    def _on_settled(self) -> None:
        if self._unfolding is not None:  # there may not have been room to scroll before
            self._show(self._unfolding)
        self._unfolding = None

    def _show(self, fold: QWidget) -> None:
        """Scroll to all of it if there is room, and to its title in any case."""
        bar, top = self.verticalScrollBar(), fold.mapTo(self._inner, QPoint()).y()
        overhang = top + fold.height() - self.viewport().height()
        bar.setValue(min(top, max(bar.value(), overhang)))
