"""Keep-best: what the user sees never gets worse because training went on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from napari_unet.core.holdout import Split
from napari_unet.core.image import Picture
from napari_unet.core.judging import Judgement, judge, windows
from napari_unet.core.prediction import Predictor

_TOLERANCE = 0.01  # of the score on held-out strokes
_PROGRESS = 1e-3  # a smaller gain does not count against patience


@dataclass(frozen=True)
class Verdict:
    """A check of the averaged weights on held-out strokes.

    Attributes
    ----------
    score : what `best` now gets right of them (0…1, classes alike); None if nothing is held out.
    kept : whether `best` was replaced.
    stumbled : the newest weights were infinite or not a number, and were thrown away.
    """

    score: float | None
    kept: bool
    stumbled: bool = False


class Best:
    """The best score on held-out strokes that any weights had since the last stroke.

    Parameters
    ----------
    shown : Predictor
        What the user sees, as fitted without the held-out strokes.
    pictures : the planes, by name
    splits : their paint

    Attributes
    ----------
    score : of what is shown now; None if nothing is held out.
    """

    def __init__(
        self, shown: Predictor, pictures: Mapping[str, Picture], splits: Mapping[str, Split]
    ) -> None:
        self._pictures = pictures
        self._windows = windows(shown, pictures, splits)
        self._top = judge(shown, pictures, self._windows)
        self.score = self._top.score if self._top else None

    def compare(self, candidate: Predictor) -> tuple[bool, bool]:
        """Whether to show a candidate, and whether it is better than all before by a margin.

        It is shown unless its score is more than 0.01 under the best one, so that small steps
        cannot add up to a decline. Where scores are alike, the weights that have seen more
        augmentation are the better guess.
        """
        found, top = judge(candidate, self._pictures, self._windows), self._top
        if found is None or top is None:
            return True, True
        kept = found.score >= top.score - _TOLERANCE
        gained = found.score > top.score + _PROGRESS or found.error < top.error - _PROGRESS
        self._top = Judgement(min(found.error, top.error), max(found.score, top.score))
        if kept:
            self.score = found.score
        return kept, gained
