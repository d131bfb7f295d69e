"""A label whose words change, and below which nothing moves as they do."""

from __future__ import annotations

import math

from qtpy.QtGui import QFontMetricsF, QResizeEvent
from qtpy.QtWidgets import QLabel, QWidget

_WIDE = 100_000  # px; wider than any sentence


class Sentence(QLabel):
    """As high as its words need at its width, and never lower than so many lines.

    Else what lies below would jump away under the mouse.
    """

    def __init__(self, lines: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines = lines
        self.setWordWrap(True)

    def setText(self, text: str) -> None:
        """Say something else."""
        super().setText(text)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the words into another width."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        self.ensurePolished()  # its font is the theme's
        self.setMinimumHeight(0)  # a label counts it in what its words need
        one = self.heightForWidth(_WIDE)  # of one line, with what is around it
        more = (self._lines - 1) * QFontMetricsF(self.font()).lineSpacing()
        usual = one + math.ceil(more)
        self.setFixedHeight(max(usual, self.heightForWidth(self.width())))
