"""Helps to correct: where to look next, accepting what is right, the next slice of a stack."""

from __future__ import annotations

from qtpy.QtWidgets import QGridLayout, QPushButton, QWidget

from napari_unet.widgets.keys import ACCEPT, NEXT_PLACE, NEXT_SLICE, Key
from napari_unet.widgets.planes import slice_axis
from napari_unet.widgets.studio import Studio


class CorrectSection(QWidget):
    """Three buttons; the one for stacks is there only for them."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self.next = self._button(
            "Where &next?",
            NEXT_PLACE,
            "Move the view to the place where one more stroke would help most: where the "
            "prediction is most unsure, away from what is painted. Press again for another place.",
        )
        self.accept = self._button(
            "&Accept…",
            ACCEPT,
            "Drag around a region where the prediction is right, to make strokes of it. "
            "What is painted already stays.",
        )
        self.accept.setCheckable(True)
        self.copy = self._button(
            "Copy strokes to the next slice",
            NEXT_SLICE,
            "Paint the strokes of this slice on the next one too, and go there.",
        )
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.next, 0, 0)
        layout.addWidget(self.accept, 0, 1)
        layout.addWidget(self.copy, 1, 0, 1, 2)
        for signal in (studio.news, studio.painted, studio.image_changed):
            signal.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show what can be done now."""
        now, active = self._studio.situation, self._studio.desk.active
        self.next.setEnabled(now.answered and bool(now.image))
        self.accept.setEnabled(now.outlining or (now.answered and bool(now.image)))
        self.accept.setChecked(now.outlining)
        self.copy.setVisible(active is not None and slice_axis(active.image) is not None)
        self.copy.setEnabled(bool(now.painted))

    def _button(self, text: str, key: Key, tip: str) -> QPushButton:
        button = QPushButton(text, self)
        button.setToolTip(f"{tip} ({key})")
        button.clicked.connect(key.button(self._studio))
        return button
