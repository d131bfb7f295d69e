"""How commands speak: results on stdout as text or JSON lines, progress and errors on stderr."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Sequence


class Refusal(Exception):
    """A command that cannot be followed; the message says what to do."""


def result(*, as_json: bool, text: str, **values: object) -> None:
    """Print one result: `text` for people, or the values as one line of JSON."""
    print(json.dumps(_plain(values), ensure_ascii=False) if as_json else text, flush=True)


def say(text: str) -> None:
    """Print a line on stderr."""
    print(text, file=sys.stderr, flush=True)


class Progress:
    """A line on stderr that is written over in a terminal, and printed now and then elsewhere.

    Parameters
    ----------
    every : float
        Seconds between two lines where the line cannot be written over.
    """

    def __init__(self, every: float = 5.0) -> None:
        self._live = sys.stderr.isatty()
        self._every, self._last = every, -math.inf
        self._open = False

    def show(self, text: str, now: float) -> None:
        """Show how things stand at time `now`, in seconds."""
        if self._live:
            sys.stderr.write(f"\r\033[K{text}")
            sys.stderr.flush()
            self._open = True
        elif now - self._last >= self._every:
            say(text)
            self._last = now

    def end(self) -> None:
        """Leave the line as it is and start a new one."""
        if self._open:
            sys.stderr.write("\n")
            self._open = False


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lay out a table: the first column to the left, numbers to the right."""
    lines = [list(head), *map(list, rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    out = []
    for line in lines:
        cells = [line[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
        out.append("  ".join(cells).rstrip())
    out.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(out)


def score(value: float | None) -> str:
    """A number in 0…1 with three digits; a dash where there is none."""
    return "–" if value is None or math.isnan(value) else f"{value:.3f}"


def _plain(value: object) -> object:
    """The same with NaN as null, which JSON has no word for."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
