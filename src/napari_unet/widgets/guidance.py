"""The panel's guide: one obvious next step for each situation."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Learning(Enum):
    """What the network is doing."""

    PAUSED = "paused"
    TRAINING = "training"
    RESTING = "resting"  # nothing improved any more; a new stroke wakes it


@dataclass(frozen=True)
class Situation:
    """All that the next step depends on.

    Attributes
    ----------
    images : number of image layers in the viewer.
    image : name of the chosen image, empty if none.
    classes : names of the classes.
    painted : names of the classes that have strokes.
    ready : the engine is up.
    gone : the engine died too often.
    answered : there is a prediction.
    trained : training has been started once.
    segmenting : a whole image is being segmented.
    notice, urgent : a sentence from the engine, and whether it is a warning.
    """

    images: int = 0
    image: str = ""
    classes: tuple[str, ...] = ()
    painted: tuple[str, ...] = ()
    ready: bool = False
    gone: bool = False
    answered: bool = False
    learning: Learning = Learning.PAUSED
    trained: bool = False
    segmenting: bool = False
    notice: str = ""
    urgent: bool = False


@dataclass(frozen=True)
class Advice:
    """A short title and one sentence that says what to do."""

    title: str
    sentence: str
    urgent: bool = False


def advice(now: Situation) -> Advice:
    """What the user should do next."""
    if now.gone:
        return Advice(
            "The engine stopped",
            "It stopped several times in a row. Your strokes are safe. Press Train to start it "
            "again; if it stops again, the notification at the lower right holds its report.",
            urgent=True,
        )
    if now.urgent:
        return Advice("Please look", now.notice, urgent=True)
    first = _before_painting(now)
    if first is not None:
        return first
    return Advice("Next", now.notice) if now.notice else _once_painted(now)


def _before_painting(now: Situation) -> Advice | None:
    if not now.image:
        if now.images == 0:
            return Advice(
                "1 · Open an image",
                "Drag an image file into the window, or take File > Open Sample > U-Net.",
            )
        return Advice("1 · Choose the image", "Choose below which image to segment.")
    first, second = _pair(now)
    if not now.painted and now.answered:
        return Advice(
            "2 · Look and correct",
            "This is what the model makes of your image. Draw strokes where it is wrong and "
            "press Train, or press “Segment this image”.",
        )
    if not now.painted:
        return Advice(
            "2 · Paint",
            f"Draw a short stroke in the {first}. Then click “{second}” in the list and draw "
            f"one there. The strokes need not be exact or many.",
        )
    if len(now.painted) == 1:
        return Advice(
            "2 · Paint a second class",
            f"Good. Now click “{second}” in the list and draw a short stroke in it.",
        )
    return None


def _once_painted(now: Situation) -> Advice:
    if now.segmenting:
        return Advice("Segmenting", "The whole image is being segmented into a new layer.")
    if not now.ready:
        return Advice(
            "One moment", "The engine is starting. You can go on painting in the meantime."
        )
    if not now.answered:
        return Advice("One moment", "A first answer is being computed from your strokes.")
    return _once_answered(now)


def _once_answered(now: Situation) -> Advice:
    if now.learning is Learning.TRAINING:
        return Advice(
            "4 · Correct",
            "It learns while you paint. Draw over places where the prediction is wrong, or ask "
            "“Where next?”; when you like what you see, press “Segment this image”.",
        )
    if now.learning is Learning.RESTING:
        return Advice(
            "4 · Correct or finish",
            "Nothing improves any more, so training rests. Draw where it is wrong and it goes "
            "on, or press “Segment this image”.",
        )
    if now.trained:
        return Advice("Paused", "Press Train to go on, or “Segment this image” to keep the result.")
    return Advice(
        "3 · Train",
        "This is a first answer from your strokes. Press Train to let the network learn from them.",
    )


def _pair(now: Situation) -> tuple[str, str]:
    """The class to paint now and the one to paint after it."""
    unpainted = [name for name in now.classes if name not in now.painted]
    first = unpainted[0] if unpainted else "image"
    if now.painted:
        return first, first
    return first, unpainted[1] if len(unpainted) > 1 else "another class"
