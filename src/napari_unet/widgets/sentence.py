"""A label whose words change, and below which nothing moves as they do."""

from __future__ import annotations

from qtpy.QtCore import QRect
from qtpy.QtGui import QResizeEvent
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
        usual = one + self._height(self._lines) - self._height(1)
        self.setFixedHeight(max(usual, self.heightForWidth(self.width())))

    def _height(self, lines: int) -> int:
        """Of so many lines, as labels measure it: in whole px, unlike the space between lines."""
        around, text = QRect(0, 0, _WIDE, _WIDE), "\n".join("x" * lines)
        return self.fontMetrics().boundingRect(around, 0, text).height()
