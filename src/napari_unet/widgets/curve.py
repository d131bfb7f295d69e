"""A small live curve: both scores and the loss."""

from __future__ import annotations

from collections.abc import Sequence

import pyqtgraph as pg
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from napari_unet.widgets.report import Point
from napari_unet.widgets.studio import Studio
from napari_unet.widgets.style import is_dark
from napari_unet.widgets.timers import single_shot

_EVERY = 500  # ms between two redraws
# score, new strokes and loss; colour-blind-safe, and to be seen on the theme's ground
_ON_DARK = ("#56b4e9", "#009e73", "#e69f00")
_ON_LIGHT = ("#0072b2", "#00735a", "#b94f00")
_HEIGHT = 120  # px
_BELOW, _ABOVE = 10, 8  # px for the lower half of the lowest label, and the upper of the highest
_LEGEND = (
    '<span style="color:{}">●</span> held out &nbsp; <span style="color:{}">◆</span> new strokes'
)
_LOSS = ' &nbsp; <span style="color:{}">—</span> loss'
_TIP = (
    "Held out: right on strokes that are kept aside to judge, in %. "
    "New strokes: right on each new stroke before it was learnt from, in %. "
    "Loss: how wrong training still finds itself on your strokes. "
    "From left to right: training steps, and a little room for each new stroke."
)


class Curve(QWidget):
    """Scores on the left axis, loss on the right one, as the work goes on.

    It stays hidden until there is something to see.
    """

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._drawn: tuple[int, ...] = ()
        self._colours = _ON_DARK
        self.plot = pg.PlotWidget(self, background=None)
        self.plot.setFixedHeight(_HEIGHT)
        self.plot.setMenuEnabled(False)
        self.plot.hideButtons()
        self.plot.setMouseEnabled(x=False, y=False)
        self.plot.setCacheMode(self.plot.CacheModeFlag.CacheNone)  # it outlives a change of theme
        self.setToolTip(_TIP)
        self.score = self.plot.plot(symbol="o", symbolSize=4, symbolPen=None)
        self.agreement = self.plot.plot(pen=None, symbol="d", symbolSize=9, symbolPen=None)
        self.loss = pg.PlotDataItem()
        self.legend = QLabel(self)
        self._right = pg.ViewBox(enableMenu=False)
        self._right.setMouseEnabled(x=False, y=False)
        self._dress()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.legend)
        layout.addWidget(self.plot)
        self._timer = single_shot(self, self.redraw, _EVERY)
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
        item.setLabel("left", "right, %")
        item.setLabel("right", "loss")
        item.layout.setContentsMargins(0, _ABOVE, 0, 0)
        item.getAxis("bottom").setStyle(showValues=False)
        item.getAxis("bottom").setHeight(_BELOW)
        for name in ("left", "right", "bottom"):
            item.getAxis(name).enableAutoSIPrefix(False)  # noqa: FBT003
        item.vb.setLimits(yMin=-4, yMax=104, minYRange=20)
        self._right.enableAutoRange()

    def _follow(self) -> None:
        self._right.setGeometry(self.plot.getPlotItem().vb.sceneBoundingRect())

    def _recolour(self) -> None:
        watch = self._studio.watch
        self._colours = score, new, loss = _ON_DARK if is_dark(watch) else _ON_LIGHT
        self._name()
        self.score.setPen(pg.mkPen(score, width=2))
        self.score.setSymbolBrush(score)
        self.agreement.setSymbolBrush(new)
        self.loss.setPen(pg.mkPen(loss, width=1.5))
        text = watch.theme_colour("text")
        for name in ("left", "right", "bottom"):
            axis = self.plot.getPlotItem().getAxis(name)
            axis.setTextPen(loss if name == "right" else text)
            axis.setPen(pg.mkPen(text, width=0.5))

    def _name(self) -> None:
        """Name what is drawn: there is no loss before training."""
        score, new, loss = self._colours
        drawn = bool(self._studio.lesson.report.losses)
        self.plot.getPlotItem().showAxis("right", drawn)
        self.legend.setText(_LEGEND.format(score, new) + (_LOSS.format(loss) if drawn else ""))

    def _on_news(self) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def redraw(self) -> None:
        """Draw what is new."""
        report = self._studio.lesson.report
        state = tuple(map(_last, (report.scores, report.agreements, report.losses)))
        self.setVisible(len(report.scores) + len(report.agreements) > 1)
        if state == self._drawn or not self.isVisible():
            return
        self._drawn = state
        for curve, points in ((self.score, report.scores), (self.agreement, report.agreements)):
            curve.setData([m for m, _ in points], [100 * v for _, v in points])
        self.loss.setData([m for m, _ in report.losses], [v for _, v in report.losses])
        self._name()
        self._follow()


def _last(points: Sequence[Point]) -> int:
    return points[-1][0] if points else -1
