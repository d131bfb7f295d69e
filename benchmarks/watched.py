"""A training that can be looked at on the way, while its clock stands still.

For the scripts beside. A task is a folder with img.npy, scrib.npy (0 unlabelled, 1…K), gt.npy
(1…K), and any number of further images test<i>.npy with test<i>_gt.npy.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # waiting is not to be counted

import numpy as np

from napari_unet.core.annotations import Annotations
from napari_unet.core.image import as_plane
from napari_unet.core.model import Model
from napari_unet.core.settings import Settings
from napari_unet.engine.inbox import Inbox
from napari_unet.engine.messages import (
    Annotate,
    Configure,
    Idle,
    Judged,
    Open,
    Refused,
    Rested,
    Scored,
    Train,
)
from napari_unet.engine.session import Session

Array = np.ndarray
CORES = 2  # CPU seconds that count as one second


@dataclass(frozen=True)
class Task:
    """An image with strokes, and images to judge by: the annotated one first."""

    name: str
    image: Array
    strokes: Array
    truths: tuple[Array, ...]
    images: tuple[Array, ...]

    @classmethod
    def read(cls, folder: Path) -> Task:
        """Of a folder of .npy files."""
        new = sorted(p.stem for p in folder.glob("test*.npy") if "_" not in p.stem)
        image = np.load(folder / "img.npy")
        return cls(
            folder.name, image, np.load(folder / "scrib.npy"),
            tuple(np.load(folder / f"{n}.npy") for n in ("gt", *(f"{n}_gt" for n in new))),
            (image, *(np.load(folder / f"{n}.npy") for n in new)),
        )  # fmt: skip

    def judged(self, found: Sequence[Array]) -> dict[str, float]:
        """Mean IoU over the classes on the annotated image, and on new ones."""
        same, *new = (mean_iou(t, f) for t, f in zip(self.truths, found, strict=True))
        return {"same": round(same, 4), "new": round(float(np.mean(new)), 4)}


def mean_iou(truth: Array, found: Array) -> float:
    """Over the classes that the truth holds."""
    pairs = [(truth == k, found == k) for k in np.unique(truth)]
    return float(np.mean([(t & f).sum() / (t | f).sum() for t, f in pairs]))


class Watched:
    """The program's own session with one image; `seconds` of CPU time / 2 so far.

    Attributes
    ----------
    held_out : score on held-out strokes; None if there are none.
    agreement : of the newest strokes with what was predicted, before they were learnt.
    rested : whether training no longer went on, as nothing got better.
    """

    def __init__(self, task: Task, settings: Settings) -> None:
        self._session, self._inbox = Session(spare=0), Inbox()
        self._events = self._session.run(self._inbox)
        self.seconds = 0.0
        self.held_out: float | None = None
        self.agreement: float | None = None
        self.rested = self._learnt = False
        classes = tuple(f"class {n + 1}" for n in range(int(task.truths[0].max())))
        self._inbox.post(Configure(classes, settings))
        self._inbox.post(Open("a", as_plane(task.image)))
        self._inbox.post(Train())

    def annotate(self, strokes: Array) -> None:
        """Take all strokes so far; then the score of the new ones is known."""
        self._inbox.post(Annotate("a", Annotations.of(strokes)))
        self.rested = self._learnt = False
        self.agreement = self.held_out = None

    def until(self, seconds: float) -> None:
        """Work until so much time was used, at least until new strokes were learnt and judged."""
        for _ in self._worked():
            if self._learnt and (self.rested or self.seconds >= seconds):
                return

    @property
    def steps(self) -> int:
        """Training steps so far."""
        trainer = self._session.bench.trainer
        return 0 if trainer is None else trainer.steps

    @property
    def model(self) -> Model:
        """What the user would see now, and save."""
        return self._session.bench.model()

    def _worked(self) -> Iterator[None]:
        """One event after another, its time counted."""
        while True:
            start = time.process_time()
            event = next(self._events)
            self.seconds += (time.process_time() - start) / CORES
            match event:
                case Refused():
                    raise RuntimeError(event.sentence)
                case Scored():
                    self.agreement = event.agreement
                case Judged():
                    self.held_out, self._learnt = event.held_out, True
                case Rested() | Idle() if self._learnt:
                    self.rested = True
                case _:
                    pass
            yield
