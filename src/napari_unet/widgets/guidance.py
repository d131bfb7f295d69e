"""The panel's guide: one obvious next step for each situation."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Learning(Enum):
    """What the network is doing."""

    PAUSED = "paused"
    TRAINING = "training"
    RESTING = "resting"  # nothing improved any more; a new stroke wakes it


class Step(Enum):
    """What there is to do; the panel shows the button for it in colour."""

    OPEN = "open"
    PAINT = "paint"
    WAIT = "wait"
    TRAIN = "train"
    CORRECT = "correct"
    SEGMENT = "segment"


@dataclass(frozen=True)
class Situation:
    """All that the next step depends on.

    Attributes
    ----------
    images : number of image layers in the viewer.
    image : name of the chosen image, empty if none.
    refused : why what is in view of it cannot be used, empty if it can.
    classes : names of the classes.
    selected : name of the class that a drag paints.
    painted : names of the classes that have strokes.
    ready : the engine is up.
    gone : the engine died too often.
    revived : it died, and a new one is starting.
    lost : why the machine that computes is out of reach, empty if it is not.
    answered : there is a prediction.
    trained : training has been started once.
    good : the numbers say that hardly anything is wrong.
    few : how many strokes these numbers are from, if they are very few; else 0.
    segmenting : a whole image is being segmented.
    outlining : the user draws around what is right.
    notice, urgent : a sentence from the engine, and whether it is a warning.
    done : the sentence says that something is done.
    """

    images: int = 0
    image: str = ""
    refused: str = ""
    classes: tuple[str, ...] = ()
    selected: str = ""
    painted: tuple[str, ...] = ()
    ready: bool = False
    gone: bool = False
    revived: bool = False
    lost: str = ""
    answered: bool = False
    learning: Learning = Learning.PAUSED
    trained: bool = False
    good: bool = False
    few: int = 0
    segmenting: bool = False
    outlining: bool = False
    notice: str = ""
    urgent: bool = False
    done: bool = False

    @property
    def trainable(self) -> bool:
        """Whether there is an image, and strokes of two classes to learn from."""
        return bool(self.image) and len(self.painted) >= 2

    @property
    def segmentable(self) -> bool:
        """Whether a whole image can be segmented now."""
        return bool(self.image and self.answered) and not (self.refused or self.segmenting)


@dataclass(frozen=True)
class Advice:
    """What to do: a short title, one sentence, and the step by which buttons know theirs."""

    step: Step
    title: str
    sentence: str
    urgent: bool = False


def advice(now: Situation) -> Advice:
    """What the user should do next."""
    if (trouble := _trouble(now)) is not None:
        return trouble
    if now.notice and now.done:
        return Advice(_step_beside_notice(now), "Done", now.notice)
    if now.outlining:
        return Advice(
            Step.CORRECT,
            "Accept what is right",
            "Drag around a region where the prediction is right: all inside becomes strokes. "
            "Press “Accept…” again to leave it.",
        )
    if now.notice and _before_painting(now) is None:
        return Advice(_step_beside_notice(now), "Next", now.notice)
    return _natural(now)


def _trouble(now: Situation) -> Advice | None:
    """What must be seen to first."""
    if now.gone:
        return Advice(
            Step.TRAIN,
            "The engine stopped",
            "It stopped several times in a row. Your strokes are safe. Press Train to start it "
            "again; if it stops again, the notification at the lower right holds its report.",
            urgent=True,
        )
    if now.lost:
        return Advice(Step.WAIT, "No connection", now.lost, urgent=True)
    if now.urgent:
        return Advice(_natural(now).step, "Please look", now.notice, urgent=True)
    return None


def _natural(now: Situation) -> Advice:
    """What to do next if nobody has something to say."""
    return _before_painting(now) or _once_painted(now)


def _step_beside_notice(now: Situation) -> Step:
    """Who paused has no need to be sent back to training by a coloured button."""
    paused = now.trained and now.learning is Learning.PAUSED
    return Step.WAIT if paused else _natural(now).step


def _before_looking(now: Situation) -> Advice | None:
    """What to do first where there is no image, or none that can be used."""
    if now.refused:
        return Advice(Step.WAIT, "Please look", now.refused, urgent=True)
    if now.image:
        return None
    if now.images:
        return Advice(Step.OPEN, "1 · Choose the image", "Choose below which image to segment.")
    return Advice(
        Step.OPEN,
        "1 · Open an image",
        "Drag an image file into the window, or take File > Open Sample > U-Net.",
    )


def _before_painting(now: Situation) -> Advice | None:
    if (lacking := _before_looking(now)) is not None:
        return lacking
    if not now.painted and now.answered:
        return Advice(
            Step.PAINT,
            "2 · Look and correct",
            "This is what the model makes of your image. Paint the right class where it is wrong. "
            "Is nothing wrong? Press “Segment this image”.",
        )
    if not now.painted:
        return Advice(
            Step.PAINT,
            "2 · Paint a few strokes of each class",
            f"Drag over the image to paint a short stroke of “{now.selected}”. Then "
            f"{_turn_to_another(now)}. Hold Space to move the image.",
        )
    if len(now.painted) == 1:
        return Advice(Step.PAINT, "2 · Paint a second class", f"Good. Now {_second_class(now)}.")
    return None


def _once_painted(now: Situation) -> Advice:
    if now.segmenting:
        return Advice(
            Step.WAIT, "Segmenting", "The whole image is being segmented into a new layer."
        )
    if not now.ready:
        again = "The engine stopped and is started again. Your strokes are safe."
        begins = again if now.revived else "The engine is starting."
        return Advice(Step.WAIT, "One moment", f"{begins} You can go on painting in the meantime.")
    if not now.answered:
        return Advice(
            Step.WAIT, "One moment", "A first answer is being computed from your strokes."
        )
    return _once_answered(now)


def _once_answered(now: Situation) -> Advice:
    if now.good and now.trained:
        return _hardly_anything_wrong(now)
    if now.learning is Learning.TRAINING:
        return Advice(
            Step.CORRECT,
            "4 · Keep going: correct what is wrong",
            "It learns while you paint. Paint over what is predicted wrong, or press "
            "“Where next?”. If you like what you see, press “Segment this image”.",
        )
    if now.learning is Learning.RESTING:
        return Advice(
            Step.CORRECT,
            "4 · Correct it, or segment all",
            "Nothing improves any more, so training rests. Paint over what is wrong and it goes "
            "on. If you like what you see, press “Segment this image”.",
        )
    if now.trained:
        return Advice(
            Step.TRAIN,
            "Paused",
            "Press Train to go on, or “Segment this image” to take the result.",
        )
    return Advice(
        Step.TRAIN,
        "3 · Train",
        "This is a first answer from your strokes. Press Train to let the network learn from them.",
    )


def _hardly_anything_wrong(now: Situation) -> Advice:
    """A score on few strokes says little, so it sends nobody on: the eye must judge."""
    if now.few:
        kept = "1 stroke was" if now.few == 1 else f"{now.few} strokes were"
        return Advice(
            Step.CORRECT,
            "4 · Look closely",
            f"Hardly anything seems wrong, but only {kept} kept aside to judge by. Do you see "
            "mistakes? Paint over them. Otherwise press “Segment this image”.",
        )
    return Advice(
        Step.SEGMENT,
        "5 · Looks good: segment all",
        "Hardly anything is wrong on what it is judged by. Do you see mistakes? Paint over them. "
        "Otherwise press “Segment this image”.",
    )


def _second_class(now: Situation) -> str:
    """How to paint a class that has no stroke yet."""
    if now.selected not in now.painted:
        return f"paint a short stroke of “{now.selected}”, too"
    return _turn_to_another(now)


def _turn_to_another(now: Situation) -> str:
    """How to paint a class that has no stroke yet, and is not the one that a drag paints."""
    others = [name for name in now.classes if name not in (*now.painted, now.selected)]
    if not others:
        return "add a class, and paint one, too"
    return f"click “{others[0]}” in the list and paint one, too"
