"""The frame at the top of the panel that says what to do next."""

from __future__ import annotations

from functools import partial

from qtpy.QtCore import Qt
from qtpy.QtGui import QHideEvent, QShowEvent
from qtpy.QtWidgets import QFrame, QLabel, QSizePolicy, QVBoxLayout, QWidget

from napari_unet.widgets.guidance import Advice, advice
from napari_unet.widgets.sentence import Sentence
from napari_unet.widgets.studio import Studio

_LINES = 4  # all that the program says itself fits; a long path or name may need more
_CALM, _URGENT = "#56b4e9", "#e69f00"


class GuideView(QFrame):
    """Shows the advice for the studio's situation, and changes with it."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._shown: Advice | None = None
        self.setObjectName("guide")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.title, self.sentence = QLabel(self), Sentence(_LINES, self)
        self.title.setObjectName("guideTitle")
        self.sentence.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.sentence.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.sentence.setAccessibleName("What to do next")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 8, 8)
        layout.setSpacing(3)
        layout.addWidget(self.title)
        layout.addWidget(self.sentence)
        studio.watch.theme_changed.connect(self._paint)
        studio.watch.layers_changed.connect(self.refresh)
        chosen = studio.roster.selected_changed
        for signal in (studio.news, studio.painted, studio.image_changed, chosen):
            signal.connect(self.refresh)
        self.destroyed.connect(partial(studio.guides.discard, id(self)))
        self.refresh()

    def showEvent(self, event: QShowEvent) -> None:
        """It is in sight: nothing that it says needs a notification."""
        super().showEvent(event)
        self._studio.guides.add(id(self))

    def hideEvent(self, event: QHideEvent) -> None:
        """It is closed, or behind another dock."""
        super().hideEvent(event)
        self._studio.guides.discard(id(self))

    def refresh(self) -> None:
        """Show the advice for the situation as it is now."""
        now = advice(self._studio.situation)
        if now == self._shown:
            return
        restyle = self._shown is None or now.urgent != self._shown.urgent
        self._shown = now
        self.title.setText(now.title)
        self.sentence.setText(now.sentence)
        if restyle:
            self._paint()

    def _paint(self) -> None:
        urgent = self._shown is not None and self._shown.urgent
        ground = self._studio.watch.theme_colour("foreground")
        self.setStyleSheet(
            f"#guide {{ background: {ground}; border-left: 4px solid "
            f"{_URGENT if urgent else _CALM}; }} #guide QLabel {{ background: transparent; }} "
            "#guideTitle { font-weight: bold; }"
        )
