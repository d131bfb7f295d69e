"""*Plugins > U-Net > Annotate and train*: the panel in which everything is done."""

from __future__ import annotations

from functools import partial

from napari.viewer import Viewer
from qtpy.QtCore import QEvent, QSize, Qt
from qtpy.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from napari_unet.widgets.class_section import ClassSection
from napari_unet.widgets.compat import unwrapped
from napari_unet.widgets.guide_view import GuideView
from napari_unet.widgets.image_section import ImageSection
from napari_unet.widgets.project_section import ProjectSection
from napari_unet.widgets.result_section import ResultSection
from napari_unet.widgets.settings_form import SettingsForm
from napari_unet.widgets.studios import studio_of
from napari_unet.widgets.training_section import TrainingSection

_NARROWEST = 320  # px


class AnnotatePanel(QWidget):
    """Guide, project, image, classes, training, results and settings, from top to bottom.

    Parameters
    ----------
    napari_viewer : napari.viewer.Viewer
    """

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self.studio = studio_of(napari_viewer)
        self.guide = GuideView(self.studio)
        self.project = ProjectSection(self.studio, unwrapped(napari_viewer))
        self.image = ImageSection(self.studio)
        self.classes = ClassSection(self.studio)
        self.training = TrainingSection(self.studio)
        self.results = ResultSection(self.studio)
        self.settings = SettingsForm(self.studio)
        self.setMinimumWidth(_NARROWEST)
        self._lay_out()
        self.studio.join(id(self))
        # a dock's X never sends a close event, and a closing viewer just destroys the panel
        self.destroyed.connect(partial(self.studio.leave, id(self)))

    def _lay_out(self) -> None:
        inner = QWidget()
        inner.setObjectName("content")
        layout = QVBoxLayout(inner)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.setSpacing(8)
        for section in (self.guide, self.project, _line(), self.image, self.classes, _line(),
                        self.training, _line(), self.results, _line(), self.settings):  # fmt: skip
            layout.addWidget(section)
        layout.addStretch(1)
        area = QScrollArea()
        area.setWidget(inner)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setMinimumWidth(_NARROWEST)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(area)

    def sizeHint(self) -> QSize:
        """Room for everything that is not folded away."""
        return QSize(360, 820)

    def event(self, event: QEvent) -> bool:
        """Leave the studio when the dock is closed: that takes the panel out of its parent."""
        if event.type() == QEvent.Type.ParentChange:
            if self.parent() is None:
                self.studio.leave(id(self))
            else:
                self.studio.join(id(self))
        return super().event(event)


def _line() -> QFrame:
    line = QFrame()
    line.setFrameShape(QFrame.Shape.HLine)
    line.setFrameShadow(QFrame.Shadow.Plain)
    line.setFixedHeight(1)
    line.setEnabled(False)
    return line
