"""A small live curve of the held-out score and the loss."""

from __future__ import annotations

from collections.abc import Sequence

import pyqtgraph as pg
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_unet.widgets.report import Point
from napari_unet.widgets.studio import Studio

_EVERY = 500  # ms between two redraws
_SCORE, _LOSS = "#56b4e9", "#e69f00"
_HEIGHT = 120  # px


class Curve(QWidget):
    """Score on the left axis, loss on the right one, over training steps.

    It stays hidden until there is something to see.
    """

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._drawn: tuple[int, int] = (0, 0)
        self.plot = pg.PlotWidget(self, background=None)
        self.plot.setFixedHeight(_HEIGHT)
        self.plot.setMenuEnabled(False)
        self.plot.hideButtons()
        self.plot.setMouseEnabled(x=False, y=False)
        self.plot.setToolTip("Blue: right on strokes kept aside, in %. Orange: loss.")
        self.score = self.plot.plot(pen=pg.mkPen(_SCORE, width=2))
        self.score.setSymbol("o")
        self.score.setSymbolSize(4)
        self.score.setSymbolBrush(_SCORE)
        self.score.setSymbolPen(None)
        self.loss = pg.PlotDataItem(pen=pg.mkPen(_LOSS, width=1.5))
        self._right = pg.ViewBox(enableMenu=False)
        self._right.setMouseEnabled(x=False, y=False)
        self._dress()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.plot)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_EVERY)
        self._timer.timeout.connect(self.redraw)
        studio.news.connect(self._on_news)
        studio.watch.theme_changed.connect(self._recolour)
        self._recolour()
        self.redraw()

    def _dress(self) -> None:
        item = self.plot.getPlotItem()
        item.showAxis("right")
        item.scene().addItem(self._right)
        item.getAxis("right").linkToView(self._right)
        self._right.setXLink(item)
        self._right.addItem(self.loss)
        item.vb.sigResized.connect(self._follow)
        item.setLabel("left", "score, %", color=_SCORE)
        item.setLabel("right", "loss", color=_LOSS)
        item.getAxis("bottom").setHeight(18)
        for name in ("left", "right", "bottom"):
            item.getAxis(name).enableAutoSIPrefix(False)  # noqa: FBT003
        item.vb.setLimits(yMin=-2, yMax=102)
        self._right.enableAutoRange()

    def _follow(self) -> None:
        self._right.setGeometry(self.plot.getPlotItem().vb.sceneBoundingRect())

    def _recolour(self) -> None:
        text = self._studio.watch.theme_colour("text")
        for name in ("left", "right", "bottom"):
            axis = self.plot.getPlotItem().getAxis(name)
            axis.setTextPen(text)
            axis.setPen(pg.mkPen(text, width=0.5))

    def _on_news(self) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def redraw(self) -> None:
        """Draw what is new."""
        report = self._studio.lesson.report
        state = (_last(report.scores), _last(report.losses))
        self.setVisible(len(report.scores) > 1)
        if state == self._drawn or not self.isVisible():
            return
        self._drawn = state
        self.score.setData([s for s, _ in report.scores], [100 * v for _, v in report.scores])
        self.loss.setData([s for s, _ in report.losses], [v for _, v in report.losses])
        self._follow()


def _last(points: Sequence[Point]) -> int:
    return points[-1][0] if points else -1
