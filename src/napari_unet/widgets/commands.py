"""What the panel does, in napari's command palette and in *Layers > Annotate > U-Net*."""

from __future__ import annotations

from napari.viewer import Viewer

from napari_unet.widgets import keys
from napari_unet.widgets.studios import studio_of


def train_or_pause(viewer: Viewer) -> None:
    """Learn from the strokes, or pause."""
    keys.TRAIN.act(studio_of(viewer))


def where_next(viewer: Viewer) -> None:
    """Move the view to where one more stroke would help most."""
    keys.NEXT_PLACE.act(studio_of(viewer))


def accept_region(viewer: Viewer) -> None:
    """Make strokes of the prediction in a region that the user draws around."""
    keys.ACCEPT.act(studio_of(viewer))


def copy_to_next_slice(viewer: Viewer) -> None:
    """Paint the strokes of this slice of a stack on the next one too."""
    keys.NEXT_SLICE.act(studio_of(viewer))


def next_image(viewer: Viewer) -> None:
    """Work on the next image of the folder that is walked through."""
    keys.NEXT_IMAGE.act(studio_of(viewer))


def previous_image(viewer: Viewer) -> None:
    """Work on the image of the folder before this one."""
    keys.PREVIOUS_IMAGE.act(studio_of(viewer))


def toggle_prediction(viewer: Viewer) -> None:
    """Show or hide the prediction."""
    keys.PREDICTION.act(studio_of(viewer))


def toggle_outlines(viewer: Viewer) -> None:
    """Show the prediction as outlines or as areas."""
    keys.OUTLINES.act(studio_of(viewer))


def segment_image(viewer: Viewer) -> None:
    """Segment the whole image into a new layer."""
    studio = studio_of(viewer)
    if studio.situation.segmentable:
        studio.segment()
    else:
        nothing = "There is nothing to segment with yet: paint two classes first."
        studio.lesson.complain(studio.situation.refused or nothing)
