"""The demo without a window: the panel's loop, driven by a `for`."""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.cli.output import Progress, Refusal, result, say, score, table
from napari_unet.cli.picture import before_after
from napari_unet.core.annotations import Annotations
from napari_unet.core.files import replacing, write_labels
from napari_unet.core.header import ModelBytes
from napari_unet.core.image import as_plane
from napari_unet.core.samples import Sample, stained_tissue
from napari_unet.core.settings import Settings
from napari_unet.engine.inbox import Inbox
from napari_unet.engine.messages import (
    Advised,
    Annotate,
    Configure,
    Event,
    Export,
    Exported,
    Failed,
    Idle,
    Judged,
    Look,
    Open,
    Pause,
    Predicted,
    Refused,
    Train,
    Trained,
)
from napari_unet.engine.session import Session

_PLANE = "demo"


def run(options: argparse.Namespace) -> int:
    """Train on the sample's strokes and write what came out."""
    sample = stained_tissue()
    out: Path = options.out
    _make(out)
    say(f"Training on {len(sample.classes)} classes of strokes for {options.seconds:g} s …")
    outcome = Rehearsal(sample, options.seconds)
    outcome.run()
    files = _write(sample, outcome, out)
    shares = np.bincount(outcome.labels.ravel(), minlength=len(sample.classes) + 1)[1:]
    rows = [
        ("first answer after", f"{outcome.first_answer:.1f} s"),
        ("training steps", str(outcome.steps)),
        ("seconds in all", f"{outcome.seconds:.0f} s"),
        ("prediction tiles streamed", str(outcome.tiles)),
        ("held-out score", score(outcome.held_out)),
        *(
            (f"share of {name}", f"{share / shares.sum():.1%}")
            for name, share in zip(sample.classes, shares, strict=True)
        ),
    ]
    written = "\n".join(f"  {path}" for path in files)
    result(
        as_json=options.json,
        text=f"{table(('demo', ''), rows)}\n\nWritten:\n{written}",
        sample=sample.name,
        first_answer_seconds=outcome.first_answer,
        steps=outcome.steps,
        seconds=outcome.seconds,
        tiles=outcome.tiles,
        held_out=outcome.held_out,
        shares=dict(zip(sample.classes, (shares / shares.sum()).tolist(), strict=True)),
        files=[str(path) for path in files],
    )
    return 0


@dataclass
class Rehearsal:
    """One run of the panel's loop on a sample: what is heard from the session, kept."""

    sample: Sample
    limit: float
    labels: NDArray[Any] = field(init=False)
    first_answer: float = float("nan")
    steps: int = 0
    tiles: int = 0
    held_out: float | None = None
    model: ModelBytes = b""
    seconds: float = 0.0
    _began: float = 0.0
    _ending: bool = False

    def run(self) -> None:
        """Train for `limit` seconds, let the prediction catch up, and take the model.

        Raises
        ------
        Refusal
            If the session could not do it.
        """
        self.labels = np.zeros(self.sample.strokes.shape, np.uint8)
        inbox, session = Inbox(*self._first_commands()), Session()
        progress = Progress()
        self._began = time.perf_counter()
        for event in session.run(inbox):
            self.seconds = time.perf_counter() - self._began
            if isinstance(event, Idle):
                if self.model:
                    break
                inbox.post(Export())
            self._hear(event)
            if self.seconds > self.limit and not self._ending:
                self._ending = True
                inbox.post(Pause())
            progress.show(
                f"{self.seconds:4.0f} s  step {self.steps}  held-out score "
                f"{score(self.held_out)}  {self.tiles} tiles",
                self.seconds,
            )
        progress.end()
        if not self.labels.all():
            raise Refusal("The session ended before the whole image was segmented.")

    def _first_commands(self) -> list[Any]:
        height, width = self.labels.shape
        return [
            Configure(self.sample.classes, Settings()),
            Open(_PLANE, as_plane(self.sample.image)),
            Annotate(_PLANE, Annotations.of(self.sample.strokes)),
            Look(_PLANE, (0, 0, height, width)),
            Train(),
        ]

    def _hear(self, event: Event) -> None:
        match event:
            case Predicted():
                height, width = event.labels.shape
                self.labels[event.y : event.y + height, event.x : event.x + width] = event.labels
                self.tiles += 1
                if np.isnan(self.first_answer) and self.labels.all():
                    self.first_answer = self.seconds
            case Trained():
                self.steps = event.step
            case Judged():
                self.held_out = event.held_out
            case Exported():
                self.model = event.model
            case Advised():
                say(event.sentence)
            case Refused() | Failed():
                raise Refusal(event.sentence)
            case _:
                pass


def _make(out: Path) -> None:
    """Make the folder before any time is spent."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refusal(f"The folder {out} cannot be made: {error.strerror}.") from error


def _write(sample: Sample, outcome: Rehearsal, out: Path) -> list[Path]:
    try:
        labels, picture = out / f"{sample.name}.tif", out / f"{sample.name}.png"
        model = out / f"{sample.name}.safetensors"
        write_labels(labels, outcome.labels)
        before_after(sample, outcome.labels).save(picture)
        with replacing(model) as part:
            part.write_bytes(outcome.model)
    except OSError as error:
        raise Refusal(f"The folder {out} cannot be written to: {error.strerror}.") from error
    return [labels, picture, model]
