"""When a training without a window ends."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limit:
    """When to stop: so that not more than so many seconds pass, or after so many steps."""

    seconds: float | None
    steps: int | None

    def reached(self, passed: float, ahead: float, steps: int) -> bool:
        """Whether to stop now.

        Parameters
        ----------
        passed : float
            Seconds so far.
        ahead : float
            Seconds that another step, and judging what was learnt, will take.
        steps : int
            Steps so far.
        """
        late = self.seconds is not None and passed + ahead >= self.seconds
        return late or (self.steps is not None and steps >= self.steps)

    def spent(self, passed: float, steps: int) -> float:
        """Share that is used up after so many seconds and steps: 0…1."""
        shares = [passed / self.seconds] if self.seconds else []
        shares += [steps / self.steps] if self.steps else []
        return min(1.0, max(shares, default=0.0))
