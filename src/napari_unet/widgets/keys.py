"""The keys of the panel and what they do. napari uses none of them: a test looks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from napari.viewer import Viewer
from qtpy.QtGui import QKeySequence

from napari_unet.widgets.guidance import Learning
from napari_unet.widgets.look import toggle_outlines, toggle_prediction
from napari_unet.widgets.studio import Studio


@dataclass(frozen=True)
class Key:
    """One of them.

    Attributes
    ----------
    press : as Qt writes it, for all systems: “Ctrl+Shift+H”.
    does : what it does, in words.
    act : what it does.
    """

    press: str
    does: str
    act: Callable[[Studio], None]

    def __str__(self) -> str:
        """As this system shows it: ⇧⌘H on a Mac."""
        return QKeySequence(self.press).toString(QKeySequence.SequenceFormat.NativeText)

    def button(self, studio: Studio) -> Callable[[], None]:
        """What a button connects to that does the same."""
        return lambda: self.act(studio)

    def bind(self, viewer: Viewer, act: Callable[[Viewer], None]) -> None:
        """Have a viewer do `act` when it is pressed."""
        viewer.bind_key(
            self.press.replace("Ctrl", "Control").replace("+", "-"), act, overwrite=True
        )


def _train_or_pause(studio: Studio) -> None:
    if studio.lesson.learning is not Learning.PAUSED:
        studio.lesson.pause()
    elif studio.situation.trainable:
        studio.train()


TRAIN = Key("Ctrl+Shift+G", "train, or pause", _train_or_pause)
NEXT_PLACE = Key("Ctrl+Shift+N", "go where a stroke helps", lambda s: s.pointer.ask())
ACCEPT = Key("Ctrl+Shift+A", "accept what is right", lambda s: s.scribe.toggle_outline())
NEXT_SLICE = Key(
    "Ctrl+Shift+D", "strokes to the next slice", lambda s: s.scribe.copy_to_next_slice()
)
NEXT_OBJECT = Key("Ctrl+Shift+M", "paint another object", lambda s: s.roster.next_object())
PREDICTION = Key("Ctrl+Shift+H", "show or hide the prediction", lambda s: toggle_prediction(s.desk))
OUTLINES = Key("Ctrl+Shift+L", "outlines or areas", lambda s: toggle_outlines(s.desk))
NEXT_IMAGE = Key("Ctrl+Shift+J", "next image of the folder", lambda s: s.walk.step(1))
PREVIOUS_IMAGE = Key("Ctrl+Shift+K", "previous image of the folder", lambda s: s.walk.step(-1))
UNDO = Key("Ctrl+Alt+Z", "undo, on any image", lambda s: s.project.undo())
REDO = Key("Ctrl+Alt+Shift+Z", "redo, on any image", lambda s: s.project.redo())

ALL = (
    TRAIN, NEXT_PLACE, ACCEPT, NEXT_SLICE, NEXT_OBJECT, PREDICTION, OUTLINES, NEXT_IMAGE,
    PREVIOUS_IMAGE, UNDO, REDO,
)  # fmt: skip
