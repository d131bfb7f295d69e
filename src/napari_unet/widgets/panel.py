"""*Plugins > U-Net > Annotate and train*: the panel in which everything is done."""

from __future__ import annotations

from functools import partial

from napari.viewer import Viewer
from qtpy.QtCore import QEvent, QSize
from qtpy.QtWidgets import QFrame, QVBoxLayout, QWidget
from superqt import QCollapsible

from napari_unet.widgets import folding
from napari_unet.widgets.class_section import ClassSection
from napari_unet.widgets.column import Column
from napari_unet.widgets.compat import unwrapped
from napari_unet.widgets.correct_section import CorrectSection
from napari_unet.widgets.guide_view import GuideView
from napari_unet.widgets.host_section import HostSection
from napari_unet.widgets.image_section import ImageSection
from napari_unet.widgets.keys_section import KeysSection
from napari_unet.widgets.project_section import ProjectSection
from napari_unet.widgets.result_section import ResultSection
from napari_unet.widgets.score_section import ScoreSection
from napari_unet.widgets.settings_form import SettingsForm
from napari_unet.widgets.studios import studio_of
from napari_unet.widgets.style import stylesheet
from napari_unet.widgets.training_section import TrainingSection
from napari_unet.widgets.view_section import ViewSection


class AnnotatePanel(QWidget):
    """The guide, which stays in view, and below it all sections in the order of the work.

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
        self.correct = CorrectSection(self.studio)
        self.results = ResultSection(self.studio)
        self.view = ViewSection(self.studio)
        self.scores = ScoreSection(self.studio)
        self.host = HostSection(self.studio)
        self.settings = SettingsForm(self.studio)
        self.keys = KeysSection()
        self._lay_out()
        self._dress()
        self.studio.watch.theme_changed.connect(self._dress)
        self.studio.join(id(self))
        # a dock's X never sends a close event, and a closing viewer just destroys the panel
        self.destroyed.connect(partial(self.studio.leave, id(self)))

    def _lay_out(self) -> None:
        self.column = Column((
            self.project, _line(), self.image, self.classes, _line(), self.training, self.correct,
            self.results, _line(), self.view, _line(), self.scores, _line(), self.host,
            self.settings, self.keys,
        ))  # fmt: skip
        self._folds = self.column.findChildren(QCollapsible)
        for fold in self._folds:
            folding.tidy(fold)
            self.column.follow(fold)
        self.host.growing.connect(partial(self.column.keep_in_view, self.host))
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.guide)
        outer.addWidget(self.column)

    def _dress(self) -> None:
        self.setStyleSheet(stylesheet(self.studio.watch))
        for fold in self._folds:
            folding.colour(fold, self.studio.watch.theme_colour("text"))

    def sizeHint(self) -> QSize:
        """Room for everything that is not folded away."""
        return QSize(360, 900)

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
