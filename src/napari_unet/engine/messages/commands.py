"""Commands: what the window tells the engine."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from msgspec import Meta
from numpy.typing import NDArray

from napari_unet.core.annotations import Annotations
from napari_unet.core.image import Normalisation
from napari_unet.core.recipe import Recipe
from napari_unet.core.settings import Settings
from napari_unet.engine.messages.base import Bounds, Box, Message, PlaneName


class Configure(Message, frozen=True, eq=False):
    """Set the classes (names of 1…K) and the settings. A changed network starts anew."""

    classes: tuple[str, ...]
    settings: Settings


class Open(Message, frozen=True, eq=False):
    """Here is a plane (C, Y, X) of any numeric type; the same name replaces it.

    `title` is what people call it: the name of its file or layer. A volume (C, Z, Y, X) is a plane
    of its own kind; `anisotropy` is how many px its slices lie apart.
    """

    plane: PlaneName
    image: NDArray[Any]
    title: str = ""
    anisotropy: float = 1.0


class Offer(Message, frozen=True, eq=False):
    """Here is a plane too large to be sent whole; the engine asks for parts with `Wanted`.

    `shape` is (C, Y, X), or (C, Z, Y, X) of a volume, `dtype` a numeric type's name. Otherwise as
    `Open`.
    """

    plane: PlaneName
    shape: Annotated[tuple[int, ...], Meta(min_length=3, max_length=4)]
    dtype: str
    normalisation: Normalisation
    title: str = ""
    anisotropy: float = 1.0


class Pixels(Message, frozen=True, eq=False):
    """The answer to each `Wanted`: (C, h, w) of the box, or None and why not, as a sentence.

    Of a volume they are (C, d, h, w). `problem` is empty where the plane was closed meanwhile.
    """

    plane: PlaneName
    box: Bounds
    image: NDArray[Any] | None
    problem: str = ""


class Close(Message, frozen=True, eq=False):
    """A plane is gone; its strokes are no longer trained on."""

    plane: PlaneName


class Annotate(Message, frozen=True, eq=False):
    """The paint on a plane as it is now.

    `seen`: it was there before; the weights may have learnt from it, so it says nothing of them.
    `held`: what of it an earlier engine held out (`Dealt`). `aside`: the image is kept for
    validation; all of its paint is only judged by.
    """

    plane: PlaneName
    annotations: Annotations
    seen: bool = False
    held: Annotations | None = None
    aside: bool = False


class Look(Message, frozen=True, eq=False):
    """The user looks at this box of this plane, of a volume in slice `z`.

    `overlay` is what to stream with the prediction: the probability of a class 1…K, or `UNSURE`;
    `near` are planes that are predicted next, as the user may scroll to them. `certainty`: it is
    wanted with the prediction, as objects are cut by it.
    """

    plane: PlaneName
    box: Box
    overlay: int | None = None
    near: tuple[PlaneName, ...] = ()
    z: int = 0
    certainty: bool = False


class Suggest(Message, frozen=True, eq=False):
    """Say where in what is looked at one more stroke would help most (`Suggested`)."""


class Train(Message, frozen=True, eq=False):
    """Start or go on fine-tuning."""


class Pause(Message, frozen=True, eq=False):
    """Stop fine-tuning; predictions go on."""


class Reset(Message, frozen=True, eq=False):
    """Forget all that was learnt and start from the bundled weights; paint stays."""


class Restore(Message, frozen=True, eq=False):
    """Go on from this model file's bytes; its network and class names are taken over.

    Refused where it has fewer classes than are painted, or other channels than the open planes.
    `name` is its file's; None for a copy of what this very training had learnt (`Exported`).
    """

    model: bytes
    name: str | None = None


class Export(Message, frozen=True, eq=False):
    """Ask for the best model so far as a file's bytes (event `Exported`)."""


class SegmentImage(Message, frozen=True, eq=False):
    """Segment a whole open plane with the best model; tiles come as `Segmented`.

    `package` is the path of a package of bioimage.io that does it instead; `trusted`: it may run
    what its author programmed.
    """

    plane: PlaneName
    package: str = ""
    trusted: bool = False


class SegmentFolder(Message, frozen=True, eq=False):
    """Segment each image file of a folder (or one file) into results in another folder.

    `model` is a model file's bytes, or empty for the best model of this session; `deep` takes
    sub-folders too; `again` does what is done once more; `limit` takes only the first so many;
    `cluster` is the address of a Dask scheduler, empty to compute here; `run` is a number that its
    events repeat, so that nobody takes those of an earlier folder for them.
    """

    source: str
    target: str
    pattern: str = "*"
    model: bytes = b""
    deep: bool = False
    recipe: Recipe = Recipe()
    again: bool = False
    limit: int = 0
    cluster: str = ""
    run: int = 0


class Cancel(Message, frozen=True, eq=False):
    """Stop segmenting this plane at the next tile or, where none is named, the folder."""

    plane: PlaneName = ""


Command: TypeAlias = (
    Configure
    | Open
    | Offer
    | Pixels
    | Close
    | Annotate
    | Look
    | Suggest
    | Train
    | Pause
    | Reset
    | Restore
    | Export
    | SegmentImage
    | SegmentFolder
    | Cancel
)
