"""What is known of the engine and its training, as a value that each event makes anew."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

from napari_unet.engine.messages import Answered, Judged, Ready, Restored, Scored, Trained

Point: TypeAlias = tuple[int, float]  # moment, value
_SMOOTH = 0.8  # of the old value in running means
_GOOD = 0.95  # share of right pixels
_NEWEST = 5  # strokes that the agreement is the mean of
_STROKE = 10  # moments that new strokes count for, so that they lie side by side before training
_LONGEST = 2000  # points of a curve; then every second one is dropped


@dataclass(frozen=True)
class Report:
    """Numbers that the panel shows.

    Attributes
    ----------
    device : where the engine computes; empty until it is ready.
    held_out : share of right pixels of strokes kept aside, 0…1; None if there are none.
    seconds : of one training step, smoothed.
    shrink : working scale of what predicts: 1 full size, 2 half; None before the first answer.
    losses, scores : (moment, value) over time. A step is one moment, new strokes are ten.
    agreements : the share of new strokes that was right before they were learnt from, likewise.
    """

    device: str = ""
    threads: int = 0
    precision: str = ""
    answered: bool = False
    step: int = 0
    loss: float | None = None
    held_out: float | None = None
    seconds: float | None = None
    shrink: int | None = None
    losses: tuple[Point, ...] = ()
    scores: tuple[Point, ...] = ()
    agreements: tuple[Point, ...] = ()

    @property
    def moment(self) -> int:
        """When the last point of a curve was."""
        return max((c[-1][0] for c in (self.losses, self.scores, self.agreements) if c), default=0)

    @property
    def agreement(self) -> float | None:
        """Of the newest strokes, the share that was right before they were learnt from, 0…1."""
        newest = [share for _, share in self.agreements[-_NEWEST:]]
        return sum(newest) / len(newest) if newest else None

    @property
    def good(self) -> bool:
        """Hardly anything is wrong on strokes kept aside, and what was painted last is learnt.

        How new strokes did does not count: they are painted where it is wrong.
        """
        return self.held_out is not None and self.held_out >= _GOOD and self._learnt

    @property
    def _learnt(self) -> bool:
        """Whether steps were taken since the newest stroke, and judged."""
        newest = self.agreements[-1][0] if self.agreements else 0
        return bool(self.scores) and self.scores[-1][0] > newest

    def after(self, event: Ready | Restored | Answered | Scored | Trained | Judged) -> Report:
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
                    losses=_thinned((*self.losses, (self.moment + 1, loss))),
                )
            case Scored():
                scored = (*self.agreements, (self.moment + _STROKE, event.agreement))
                return replace(self, agreements=_thinned(scored))
            case Judged():
                if event.held_out is None:
                    return replace(self, shrink=event.shrink)
                scores = _thinned((*self.scores, (self.moment, event.held_out)))
                return replace(self, shrink=event.shrink, held_out=event.held_out, scores=scores)

    def unanswered(self) -> Report:
        """The engine is gone or a new one is starting; the numbers reached stay in view."""
        return replace(self, device="", answered=False)

    def forgotten(self) -> Report:
        """Only what is known of the engine; nothing is learnt."""
        return Report(self.device, self.threads, self.precision)


def score_sentence(report: Report) -> str:
    """How good it is on strokes kept aside, in words."""
    if report.held_out is None:
        return "No score yet: it is judged on strokes that are kept aside."
    share = _percent(report.held_out)
    return f"Held-out strokes: {share} right. This says nothing of borders you did not paint."


def agreement_sentence(report: Report) -> str:
    """How it did on the newest strokes before it learnt from them, in words."""
    if report.agreement is None:
        return ""
    count = min(len(report.agreements), _NEWEST)
    newest = "what you last painted" if count == 1 else f"your last {count} strokes"
    return f"Of {newest}, {_percent(report.agreement)} was predicted right before it was learnt."


def detail_sentence(report: Report, *, running: bool, host: str = "") -> str:
    """Where it computes and how fast, in words; `host` is another machine's address."""
    if not report.device and not running:
        return "The engine is not running."
    if not report.device:
        return f"Connecting to {host}…" if host else "The engine is starting…"
    place = report.device.upper() if report.device in ("cpu", "mps") else report.device
    if report.device == "cpu":
        place += f", {report.threads} thread{'s' * (report.threads != 1)}"
    parts = [f"{place} on {host}" if host else place]
    if report.shrink is not None:
        parts.append(scale_words(report.shrink))
    if report.seconds is not None:
        parts.append(f"{report.seconds:.2g} s a step")
    if report.step:
        parts.append(f"step {report.step:,}")
    if report.loss is not None:
        parts.append(f"loss {report.loss:.3f}")
    return " · ".join(parts)


def scale_words(shrink: int) -> str:
    """The working scale, in words."""
    return {1: "full size", 2: "half size"}.get(shrink, f"1/{shrink} size")


def _percent(share: float) -> str:
    return f"{share:.0%}".replace("%", "\N{NO-BREAK SPACE}%")


def _mean(old: float | None, new: float) -> float:
    return new if old is None else _SMOOTH * old + (1 - _SMOOTH) * new


def _thinned(points: tuple[Point, ...]) -> tuple[Point, ...]:
    return points if len(points) <= _LONGEST else points[::2]
