"""How well it goes: what was right, a curve, and where it computes."""

from __future__ import annotations

from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from napari_unet.widgets.curve import Curve
from napari_unet.widgets.report import agreement_sentence, detail_sentence, score_sentence
from napari_unet.widgets.studio import Studio
from napari_unet.widgets.style import show_less

_HELD_OUT = (
    "Some strokes are kept aside and only used to judge. The number is the share of their pixels "
    "that the prediction has right, averaged over the classes. Strokes lie inside the classes, so "
    "it says nothing of borders that you did not paint."
)
_AGREEMENT = (
    "Each new stroke is compared with the prediction before it is learnt from. If you paint "
    "anywhere, the number tells how good the prediction is; if you paint where it is wrong, it "
    "is lower than that."
)
_DETAIL = (
    "Full or half size is the size at which the network looks at the image: by itself it takes "
    "the one that does better on your strokes. You can choose it in the settings of the network "
    "below."
)


class ScoreSection(QWidget):
    """Sentences, each there only while there is something to say, and the curve."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self.score, self.agreement, self.detail = QLabel(self), QLabel(self), QLabel(self)
        self.curve = Curve(studio, self)
        self.score.setToolTip(_HELD_OUT)
        self.agreement.setToolTip(_AGREEMENT)
        self.detail.setToolTip(_DETAIL)
        show_less(self.detail)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for label in (self.score, self.agreement, self.detail):
            label.setWordWrap(True)
            layout.addWidget(label)
        layout.insertWidget(layout.indexOf(self.detail), self.curve)
        studio.news.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show how it goes."""
        lesson, keeper = self._studio.lesson, self._studio.keeper
        host = keeper.host.address if keeper.host else ""
        self._show(self.score, score_sentence(lesson.report) if lesson.trained else "")
        self._show(self.agreement, agreement_sentence(lesson.report))
        self._show(self.detail, detail_sentence(lesson.report, running=keeper.running, host=host))

    @staticmethod
    def _show(label: QLabel, text: str) -> None:
        if label.text() != text:  # many events change nothing
            label.setText(text)
        label.setVisible(bool(text))
