"""`napari-unet evaluate`: label files against the truth."""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_unet.cli import evaluate_objects
from napari_unet.cli.output import Refusal, result, say, score, table
from napari_unet.cli.pairs import by_stem
from napari_unet.core.annotations import MAX_CLASSES
from napari_unet.core.files import FileError, read_labels, replacing
from napari_unet.core.finding import find_images
from napari_unet.core.metrics import Confusion, confusion, dice, iou, mean

Row = dict[str, object]
Scores = TypeVar("Scores")


def run(options: argparse.Namespace) -> int:
    """Print how well files agree; 1 if any file could not be compared."""
    truths, predictions = _pairs(options)
    rows: list[Row]
    if options.objects:
        objects = _each(truths, predictions, evaluate_objects.compare)
        compared = len(objects)
        rows = list(evaluate_objects.show(objects, as_json=options.json))
    else:
        classes = _each(truths, predictions, _compare)
        compared = len(classes)
        rows = list(_show(classes, as_json=options.json))
    if rows and options.csv is not None:
        _write(options.csv, rows)
    return 1 if compared < len(predictions) else 0


def _each(
    truths: dict[str, Path], predictions: dict[str, Path], compare: Callable[[Path, Path], Scores]
) -> dict[str, Scores]:
    """Compare file by file; what is wrong with one is said."""
    compared = {}
    for stem, prediction in predictions.items():
        try:
            compared[stem] = compare(truths[stem], prediction)
        except FileError as error:
            say(f"napari-unet: {error}")
    return compared


def _pairs(options: argparse.Namespace) -> tuple[dict[str, Path], dict[str, Path]]:
    """True and predicted files by their common stems; what has no counterpart is said."""
    truths = by_stem(find_images(options.truth))
    everything = by_stem(find_images(options.prediction))
    predictions = _objects_of(everything, truths) if options.objects else everything
    both = [stem for stem in predictions if stem in truths]
    if not both:
        raise Refusal(
            f"No file in {options.prediction} has the stem of one in {options.truth}: give the "
            "files that belong together the same name up to its ending."
        )
    used = {predictions[stem] for stem in both}
    alone = [str(path) for path in everything.values() if path not in used]
    alone += [str(path) for stem, path in truths.items() if stem not in predictions]
    if alone:
        say(f"Without a counterpart, left out: {', '.join(sorted(alone))}.")
    return {stem: truths[stem] for stem in both}, {stem: predictions[stem] for stem in both}


def _objects_of(files: dict[str, Path], truths: dict[str, Path]) -> dict[str, Path]:
    """Files by stem, those of a batch's objects by that of their image.

    A batch may have put a map of classes beside them, by the image's own name: it holds no objects.
    """
    named = dict(files)
    for stem, path in files.items():
        bare = stem.removesuffix("_objects")
        if stem not in truths and bare in truths:
            del named[stem]
            named[bare] = path
    return named


def _compare(truth_path: Path, prediction_path: Path) -> Confusion:
    truth, prediction = read_labels(truth_path), read_labels(prediction_path)
    evaluate_objects.check_sizes(truth, prediction, truth_path, prediction_path)
    if not truth.any():
        raise FileError(f"{truth_path} is 0 all over: there is no truth to compare with.")
    return confusion(truth, prediction, MAX_CLASSES)


def _show(compared: dict[str, Confusion], *, as_json: bool) -> Iterator[Row]:
    """Print the classes of all files together, as JSON those of each file, too."""
    for stem, counts in compared.items():
        if as_json:
            _print(counts, {"file": stem}, as_json=True)
        yield from _rows(stem, counts)
    if not compared:
        return
    total: Confusion = np.sum(list(compared.values()), axis=0)
    _print(total, {"files": len(compared)}, as_json=as_json)
    yield from _rows("all", total)


def _rows(name: str, counts: Confusion) -> Iterator[Row]:
    ious, dices = iou(counts), dice(counts)
    for k in _present(ious):
        yield {"file": name, "class": k + 1, "IoU": float(ious[k]), "Dice": float(dices[k])}
    yield {"file": name, "class": "mean", "IoU": mean(ious), "Dice": mean(dices)}


def _print(counts: Confusion, what: dict[str, object], *, as_json: bool) -> None:
    ious, dices = iou(counts), dice(counts)
    pixels = counts.sum(axis=1)[1:]
    present = _present(ious)
    rows = [
        (str(k + 1), score(ious[k]), score(dices[k]), f"{pixels[k]:,}".replace(",", " "))
        for k in present
    ]
    rows.append(("mean", score(mean(ious)), score(mean(dices)), ""))
    result(
        as_json=as_json,
        text=table(("class", "IoU", "Dice", "true px"), rows),
        **what,
        classes={
            str(k + 1): {
                "iou": float(ious[k]), "dice": float(dices[k]), "pixels": int(pixels[k]),
            }
            for k in present
        },
        mean_iou=mean(ious),
        mean_dice=mean(dices),
    )  # fmt: skip


def _present(ious: NDArray[np.float64]) -> Sequence[int]:
    present: Sequence[int] = np.flatnonzero(~np.isnan(ious)).tolist()
    return present


def _write(path: Path, rows: Sequence[Row]) -> None:
    """Write rows as a comma-separated file.

    Raises
    ------
    FileError
        If it cannot be written.
    """
    try:
        with replacing(path) as part, part.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    except OSError as error:
        raise FileError(f"{path} cannot be written: {error.strerror}.") from error
