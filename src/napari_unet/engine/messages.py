"""What the window tells the engine (commands) and what it hears back (events).

Both are closed unions of frozen values; whoever handles one matches on its type and ends in
`assert_never`. A plane is named by a string that its sender chooses.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from msgspec import Struct
from numpy.typing import NDArray

from napari_unet.core.annotations import Annotations
from napari_unet.core.settings import Settings

PlaneName: TypeAlias = str
Box: TypeAlias = tuple[int, int, int, int]  # y0, x0, y1, x1 in px, half open


class Message(Struct, frozen=True, eq=False, tag=True):
    """Base of all commands and events."""


# -- commands -----------------------------------------------------------------------------


class Configure(Message, frozen=True, eq=False):
    """Set the classes (names of 1…K) and the settings. A changed network starts anew."""

    classes: tuple[str, ...]
    settings: Settings


class Open(Message, frozen=True, eq=False):
    """Here is a plane (C, Y, X) of any numeric type; the same name replaces it."""

    plane: PlaneName
    image: NDArray[Any]


class Close(Message, frozen=True, eq=False):
    """A plane is gone; its strokes are no longer trained on."""

    plane: PlaneName


class Annotate(Message, frozen=True, eq=False):
    """The paint on a plane as it is now."""

    plane: PlaneName
    annotations: Annotations


class Look(Message, frozen=True, eq=False):
    """The user looks at this box of this plane; stream the probability of a class with it."""

    plane: PlaneName
    box: Box
    probability: int | None = None


class Train(Message, frozen=True, eq=False):
    """Start or go on fine-tuning."""


class Pause(Message, frozen=True, eq=False):
    """Stop fine-tuning; predictions go on."""


class Reset(Message, frozen=True, eq=False):
    """Forget all that was learnt and start from the bundled weights; paint stays."""


class Restore(Message, frozen=True, eq=False):
    """Go on from this model file's bytes, whose class names must match if strokes exist."""

    model: bytes


class Export(Message, frozen=True, eq=False):
    """Ask for the best model so far as a file's bytes (event `Exported`)."""


class SegmentImage(Message, frozen=True, eq=False):
    """Segment a whole open plane with the best model; tiles come as `Segmented`."""

    plane: PlaneName


class SegmentFolder(Message, frozen=True, eq=False):
    """Segment each image file of a folder into label files of another one.

    `model` is a model file's bytes, or empty for the best model of this session.
    """

    source: str
    target: str
    pattern: str = "*"
    model: bytes = b""


class Cancel(Message, frozen=True, eq=False):
    """Stop segmenting an image or a folder at the next tile or file."""


Command: TypeAlias = (
    Configure
    | Open
    | Close
    | Annotate
    | Look
    | Train
    | Pause
    | Reset
    | Restore
    | Export
    | SegmentImage
    | SegmentFolder
    | Cancel
)


# -- events -------------------------------------------------------------------------------


class Ready(Message, frozen=True, eq=False):
    """The engine is up: where it computes."""

    device: str
    threads: int
    precision: str


class Idle(Message, frozen=True, eq=False):
    """Nothing to do until a command comes."""


class Predicted(Message, frozen=True, eq=False):
    """One tile of the live prediction.

    `labels` is (h, w) uint8 of classes 1…K at rows `y`…, columns `x`… of the plane;
    `probability` (h, w) uint8, 0…255, of the class that was asked for with `Look`.
    """

    plane: PlaneName
    generation: int
    y: int
    x: int
    labels: NDArray[Any]
    probability: NDArray[Any] | None = None


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


class Judged(Message, frozen=True, eq=False):
    """A check of the averaged weights on strokes that they were not trained on.

    `held_out` is the agreement (mean over classes of the share of pixels that are right, 0…1) of
    the weights that now predict; `kept` whether they were just replaced; `agreement` that of the
    newest strokes with the prediction before they were trained on. None: no such strokes yet.
    """

    step: int
    held_out: float | None
    kept: bool
    agreement: float | None
    seconds: float


class Rested(Message, frozen=True, eq=False):
    """Training stopped by itself; `reason` is a sentence. A new stroke wakes it."""

    reason: str


class Advised(Message, frozen=True, eq=False):
    """Something the user should do, as a sentence. Not an error."""

    sentence: str


class Refused(Message, frozen=True, eq=False):
    """A command that could not be followed, and what to do, as a sentence."""

    sentence: str


class Restored(Message, frozen=True, eq=False):
    """`Restore` was followed: the names of the model's classes 1…K."""

    classes: tuple[str, ...]


class Exported(Message, frozen=True, eq=False):
    """The best model so far as the bytes of a model file. `asked`: the user wanted it."""

    model: bytes
    asked: bool


class Segmented(Message, frozen=True, eq=False):
    """One tile of `SegmentImage`: (h, w) uint8 at `y`, `x`; pixels done and in all."""

    plane: PlaneName
    y: int
    x: int
    labels: NDArray[Any]
    done: int
    total: int


class FileSegmented(Message, frozen=True, eq=False):
    """One file of `SegmentFolder` is done; `error` is a sentence where it failed."""

    source: str
    target: str
    done: int
    total: int
    seconds: float
    error: str = ""
    skipped: bool = False


class FolderSegmented(Message, frozen=True, eq=False):
    """`SegmentFolder` came to its end, or was cancelled."""

    written: int
    skipped: int
    failed: int
    cancelled: bool


class Failed(Message, frozen=True, eq=False):
    """An error nobody foresaw; training is paused. `traceback` for a report."""

    sentence: str
    traceback: str


class Ended(Message, frozen=True, eq=False):
    """The engine's process is gone: exit code and the last lines of its error output."""

    code: int
    errors: str


Event: TypeAlias = (
    Ready
    | Idle
    | Predicted
    | Swept
    | Answered
    | Trained
    | Judged
    | Rested
    | Advised
    | Refused
    | Restored
    | Exported
    | Segmented
    | FileSegmented
    | FolderSegmented
    | Failed
    | Ended
)
