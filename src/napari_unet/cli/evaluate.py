"""`napari-unet evaluate`: label files against the truth."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from napari_unet.cli.output import Refusal, result, say, score, table
from napari_unet.cli.pairs import by_stem
from napari_unet.core.annotations import MAX_CLASSES
from napari_unet.core.files import FileError, read_labels
from napari_unet.core.finding import find_images
from napari_unet.core.metrics import Confusion, confusion, dice, iou, mean


def run(options: argparse.Namespace) -> int:
    """Print IoU and Dice; 1 if any file could not be compared."""
    truths = by_stem(find_images(options.truth))
    predictions = by_stem(find_images(options.prediction))
    stems = [stem for stem in predictions if stem in truths]
    if not stems:
        raise Refusal(
            f"No file in {options.prediction} has the stem of one in {options.truth}: give the "
            "files that belong together the same name up to its ending."
        )
    alone = [str(path) for stem, path in predictions.items() if stem not in truths]
    alone += [str(path) for stem, path in truths.items() if stem not in predictions]
    total: Confusion = np.zeros((MAX_CLASSES + 1, MAX_CLASSES + 1), np.int64)
    failed = 0
    for stem in stems:
        try:
            counts = _compare(truths[stem], predictions[stem])
        except FileError as error:
            say(f"napari-unet: {error}")
            failed += 1
            continue
        total += counts
        if options.json:
            _print(counts, {"file": stem}, as_json=True)
    if alone:
        say(f"Without a counterpart, left out: {', '.join(sorted(alone))}.")
    if failed < len(stems):
        _print(total, {"files": len(stems) - failed}, as_json=options.json)
    return 1 if failed else 0


def _compare(truth_path: Path, prediction_path: Path) -> Confusion:
    truth, prediction = read_labels(truth_path), read_labels(prediction_path)
    if truth.shape != prediction.shape:
        raise FileError(
            f"{prediction_path} is {prediction.shape[0]} × {prediction.shape[1]} px but "
            f"{truth_path} is {truth.shape[0]} × {truth.shape[1]} px: "
            "compare label files of the same image."
        )
    if not truth.any():
        raise FileError(f"{truth_path} is 0 all over: there is no truth to compare with.")
    return confusion(truth, prediction, MAX_CLASSES)


def _print(counts: Confusion, what: dict[str, object], *, as_json: bool) -> None:
    ious, dices = iou(counts), dice(counts)
    pixels = counts.sum(axis=1)[1:]
    present: Sequence[int] = np.flatnonzero(~np.isnan(ious)).tolist()
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
