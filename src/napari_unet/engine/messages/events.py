"""Events: what the engine tells the window."""

from __future__ import annotations

from typing import Any, TypeAlias

from numpy.typing import NDArray

from napari_unet.core.annotations import Annotations
from napari_unet.engine.messages.base import Bounds, Message, PlaneName
from napari_unet.engine.messages.folder_events import FolderEvent


class Ready(Message, frozen=True, eq=False):
    """The engine is up: where it computes."""

    device: str
    threads: int
    precision: str


class Idle(Message, frozen=True, eq=False):
    """Nothing to do until a command comes."""


class Wanted(Message, frozen=True, eq=False):
    """The engine needs these pixels of a plane that was offered, and waits for `Pixels`."""

    plane: PlaneName
    box: Bounds


class Predicted(Message, frozen=True, eq=False):
    """One tile of the live prediction.

    `labels` is (h, w) uint8 of classes 1…K at rows `y`…, columns `x`… of the plane;
    `overlay` (h, w) uint8, 0…255, is what was asked for with `Look`, and so is `certainty`, the
    probability of each pixel's class. Of a volume all are (d, h, w), from slice `z` on.
    """

    plane: PlaneName
    generation: int
    y: int
    x: int
    labels: NDArray[Any]
    overlay: NDArray[Any] | None = None
    z: int = 0
    certainty: NDArray[Any] | None = None


class Swept(Message, frozen=True, eq=False):
    """Tiles of the current generation done and in all, on a plane; `visible` ones apart."""

    plane: PlaneName
    generation: int
    done: int
    total: int
    visible_left: int


class Answered(Message, frozen=True, eq=False):
    """The first answer was fitted anew to the strokes; `seconds` it took."""

    generation: int
    seconds: float


class Trained(Message, frozen=True, eq=False):
    """One training step: its loss and the seconds it took."""

    step: int
    loss: float
    seconds: float


class Scored(Message, frozen=True, eq=False):
    """New strokes, before anything was learnt from them.

    `agreement` is the share of their pixels that was predicted right (0…1, classes alike).
    """

    agreement: float


class Dealt(Message, frozen=True, eq=False):
    """`held` is what of a plane's paint is held out from now on: never learnt from, judged by.

    Another engine is told with `Annotate`, so that it does not learn what it is judged by.
    """

    plane: PlaneName
    held: Annotations


class Suggested(Message, frozen=True, eq=False):
    """The answer to `Suggest`: a place (y, x) in px, or None where nothing is worth a stroke.

    Of a volume it lies in slice `z`.
    """

    plane: PlaneName
    place: tuple[int, int] | None
    z: int = 0


class Judged(Message, frozen=True, eq=False):
    """A check of the averaged weights on strokes that they were not trained on.

    `held_out` is the agreement (mean over classes of the share of pixels that are right, 0…1) of
    the weights that now predict, None where nothing is held out; `kept` whether they were just
    replaced; `shrink` their working scale: 1 full size, 2 half.
    """

    step: int
    held_out: float | None
    kept: bool
    seconds: float
    shrink: int = 1


class Rested(Message, frozen=True, eq=False):
    """Training stopped by itself; `reason` is a sentence. A new stroke wakes it."""

    reason: str


class Advised(Message, frozen=True, eq=False):
    """Something the user should do, as a sentence. Not an error."""

    sentence: str


class Refused(Message, frozen=True, eq=False):
    """A command that could not be followed, and what to do, as a sentence.

    `plane` is the one that the command was about, empty where it was about none. `withheld`: it
    was `Export`, so the model does not come. `run` is the number of the `SegmentFolder` that came
    to its end with it, 0 where none did.
    """

    sentence: str
    plane: PlaneName = ""
    withheld: bool = False
    run: int = 0


class Restored(Message, frozen=True, eq=False):
    """`Restore` was followed: the names of the model's classes 1…K."""

    classes: tuple[str, ...]


class Exported(Message, frozen=True, eq=False):
    """The best model so far as the bytes of a model file. `asked`: the user wanted it.

    As it is received it is a view of the message, and no copy.
    """

    model: memoryview
    asked: bool


class Segmented(Message, frozen=True, eq=False):
    """One tile of `SegmentImage`: (h, w) uint8 at `y`, `x`; pixels done and in all.

    `certainty` (h, w) uint8, 0…255, is the probability of each pixel's class. Of a volume both are
    (d, h, w), from slice `z` on.
    """

    plane: PlaneName
    y: int
    x: int
    labels: NDArray[Any]
    done: int
    total: int
    z: int = 0
    certainty: NDArray[Any] | None = None


class Failed(Message, frozen=True, eq=False):
    """An error nobody foresaw; training is paused. `traceback` for a report."""

    sentence: str
    traceback: str


class Ended(Message, frozen=True, eq=False):
    """The engine's process is gone: exit code and the last lines of its error output.

    `sentence` is why another machine cannot be computed on, empty where the process died by
    itself; `passing`: it may be otherwise soon.
    """

    code: int
    errors: str
    sentence: str = ""
    passing: bool = False


Event: TypeAlias = (
    Ready
    | Idle
    | Wanted
    | Predicted
    | Swept
    | Answered
    | Trained
    | Scored
    | Dealt
    | Suggested
    | Judged
    | Rested
    | Advised
    | Refused
    | Restored
    | Exported
    | Segmented
    | FolderEvent
    | Failed
    | Ended
)
