"""Projects and their undo in napari's command palette."""

from __future__ import annotations

from napari.viewer import Viewer

from napari_unet.widgets.compat import unwrapped
from napari_unet.widgets.project_dialogs import ProjectDialogs
from napari_unet.widgets.studios import studio_of


def undo_stroke(viewer: Viewer) -> None:
    """Take back the last stroke of the project, on any image."""
    studio_of(viewer).project.undo()


def redo_stroke(viewer: Viewer) -> None:
    """Do again what was taken back."""
    studio_of(viewer).project.redo()


def new_project(viewer: Viewer) -> None:
    """Begin a project with nothing in it."""
    ProjectDialogs(studio_of(viewer), unwrapped(viewer)).new()


def open_project(viewer: Viewer) -> None:
    """Open a project that the user chooses."""
    ProjectDialogs(studio_of(viewer), unwrapped(viewer)).choose()


def save_project_as(viewer: Viewer) -> None:
    """Go on in a folder that the user chooses."""
    ProjectDialogs(studio_of(viewer), unwrapped(viewer)).save_as()
