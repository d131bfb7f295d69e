"""`napari-unet evaluate --objects`: files of object ids against the truth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.cli.output import result, score, table
from napari_unet.core.files import FileError, read_image
from napari_unet.core.metrics import ObjectScores, score_objects


def compare(truth_path: Path, found_path: Path) -> ObjectScores:
    """Compare two files of object ids.

    Raises
    ------
    FileError
        If one cannot be read, or they do not fit each other.
    """
    truth, found = _read(truth_path), _read(found_path)
    check_sizes(truth, found, truth_path, found_path)
    if not truth.any():
        raise FileError(f"{truth_path} is 0 all over: there is no object to compare with.")
    return score_objects(truth, found)


def show(compared: dict[str, ObjectScores], *, as_json: bool) -> Iterator[dict[str, object]]:
    """Print the scores of all files together, as JSON those of each file, too."""
    for stem, scores in compared.items():
        if as_json:
            result(as_json=True, text="", file=stem, **_values(scores))
        yield {"file": stem, **_values(scores)}
    if not compared:
        return
    total = ObjectScores.together(list(compared.values()))
    rows = [(name, _text(value)) for name, value in total.rows()]
    counts = [("true objects", str(total.true)), ("found objects", str(total.found))]
    result(
        as_json=as_json,
        text=table(("score", "value"), [*counts, *rows]),
        files=len(compared),
        **_values(total),
    )
    yield {"file": "all", **_values(total)}


def check_sizes(
    truth: NDArray[Any], found: NDArray[Any], truth_path: Path, found_path: Path
) -> None:
    """Refuse files of different sizes.

    Raises
    ------
    FileError
    """
    if truth.shape != found.shape:
        raise FileError(
            f"{found_path} is {_size(found)} px but {truth_path} is {_size(truth)} px: "
            "compare label files of the same image."
        )


def _read(path: Path) -> NDArray[Any]:
    labels = read_image(path)
    if labels.dtype == bool:
        labels = labels.astype(np.uint8)
    whole = labels.dtype.kind in "iu"
    if labels.ndim != 2 or not whole or (labels.size and int(labels.min()) < 0):
        raise FileError(
            f"{path} does not hold the numbers of objects: save it as one channel of whole "
            "numbers, 0 for no object and another number for each object."
        )
    return labels


def _values(scores: ObjectScores) -> dict[str, Any]:
    return {"true objects": scores.true, "found objects": scores.found, **dict(scores.rows())}


def _text(value: float) -> str:
    """Three digits, and more where an error is small."""
    return f"{value:.6f}" if 0 < value < 0.001 else score(value)


def _size(labels: NDArray[Any]) -> str:
    return " × ".join(map(str, labels.shape))
