"""What is known of the engine and its training, as a value that each event makes anew."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

from napari_unet.engine.messages import Answered, Judged, Ready, Restored, Trained

Point: TypeAlias = tuple[int, float]  # step, value
_SMOOTH = 0.8  # of the old value in running means
_LONGEST = 2000  # points of a curve; then every second one is dropped


@dataclass(frozen=True)
class Report:
    """Numbers that the panel shows.

    Attributes
    ----------
    device : where the engine computes; empty until it is ready.
    held_out, agreement : shares of right pixels, 0…1, or None if there are none to judge by.
    seconds : of one training step, smoothed.
    losses, scores : (step, value) over time.
    """

    device: str = ""
    threads: int = 0
    precision: str = ""
    answered: bool = False
    step: int = 0
    loss: float | None = None
    held_out: float | None = None
    agreement: float | None = None
    seconds: float | None = None
    losses: tuple[Point, ...] = ()
    scores: tuple[Point, ...] = ()

    def after(self, event: Ready | Restored | Answered | Trained | Judged) -> Report:
        """The report once this event is known."""
        match event:
            case Ready():
                return replace(
                    self,
                    device=event.device,
                    threads=event.threads,
                    precision=event.precision,
                )
            case Answered() | Restored():
                return replace(self, answered=True)
            case Trained():
                loss = _mean(self.loss, event.loss)
                return replace(
                    self,
                    step=event.step,
                    loss=loss,
                    seconds=_mean(self.seconds, event.seconds),
                    losses=_thinned((*self.losses, (event.step, loss))),
                )
            case Judged():
                known = event.held_out is not None
                return replace(
                    self,
                    held_out=event.held_out if known else self.held_out,
                    agreement=self.agreement if event.agreement is None else event.agreement,
                    scores=(*self.scores, (event.step, event.held_out))
                    if event.held_out is not None
                    else self.scores,
                )

    def unanswered(self) -> Report:
        """The engine is gone or a new one is starting; the numbers reached stay in view."""
        return replace(self, device="", answered=False)

    def forgotten(self) -> Report:
        """Only what is known of the engine; nothing is learnt."""
        return Report(self.device, self.threads, self.precision)


def score_sentence(report: Report) -> str:
    """How good it is, in words."""
    if report.held_out is None:
        return "No score yet: it is judged on strokes that are kept aside."
    return f"Right on {_percent(report.held_out)} of the strokes it has not trained on."


def agreement_sentence(report: Report) -> str:
    """How it did on the newest strokes before it learnt from them, in words."""
    if report.agreement is None:
        return ""
    share = _percent(report.agreement)
    return f"Of your newest strokes, {share} was right before it learnt from them."


def detail_sentence(report: Report, *, running: bool) -> str:
    """Where it computes and how fast, in words."""
    if not report.device:
        return "The engine is starting…" if running else "The engine is not running."
    place = report.device.upper() if report.device in ("cpu", "mps") else report.device
    if report.device == "cpu":
        place += f", {report.threads} thread{'s' * (report.threads != 1)}"
    parts = [place]
    if report.seconds is not None:
        parts.append(f"{report.seconds:.2g} s a step")
    if report.step:
        parts.append(f"step {report.step:,}")
    if report.loss is not None:
        parts.append(f"loss {report.loss:.3f}")
    return " · ".join(parts)


def _percent(share: float) -> str:
    return f"{share:.0%}".replace("%", "\N{NO-BREAK SPACE}%")


def _mean(old: float | None, new: float) -> float:
    return new if old is None else _SMOOTH * old + (1 - _SMOOTH) * new


def _thinned(points: tuple[Point, ...]) -> tuple[Point, ...]:
    return points if len(points) <= _LONGEST else points[::2]
