"""Objects of a large class map: seconds, memory, and whether tiles change anything.

    python benchmarks/objects.py [--side 8192] [--cells 20000] [--measure]

Draws touching cells of class 2 on background, finds the objects in a process of
its own, and prints one JSON line; afterwards the result is compared with that of a single tile. On
a smaller map many sizes of tiles and settings are compared so, and the basins with the watershed of
scikit-image.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import time

import numpy as np
from scipy import ndimage as ndi
from skimage.draw import ellipse
from skimage.segmentation import watershed

from napari_unet.core.measurements import measure
from napari_unet.core.metrics import average_precision, contingency
from napari_unet.core.objects import ObjectSettings, find_objects


def cells(side: int, count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A class map and the true objects in it: ellipses, of which many touch.

    Their half axes are a fifth to two fifths of the mean distance; they lie on a jittered lattice.
    """
    rng = np.random.default_rng(seed)
    classes = np.ones((side, side), np.uint8)
    truth = np.zeros((side, side), np.uint32)
    rows = int(np.ceil(count**0.5))
    step = side / rows
    places = (np.stack(np.divmod(np.arange(count), rows), axis=1) + 0.5) * step
    places += rng.uniform(-0.3, 0.3, (count, 2)) * step
    radii = rng.uniform(0.2, 0.4, (count, 2)) * step
    for number, ((y, x), (a, b), angle) in enumerate(
        zip(places, radii, rng.uniform(0, np.pi, count), strict=True), start=1
    ):
        inside = ellipse(y, x, a, b, shape=classes.shape, rotation=angle)
        classes[inside] = 2
        truth[inside] = np.where(truth[inside] == 0, number, truth[inside])
    return classes, truth


def timed(side: int, count: int, tile: int, *, measured: bool) -> dict[str, object]:
    classes, truth = cells(side, count)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    found = find_objects(classes, 2, tile=tile)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    row: dict[str, object] = {
        "side": side,
        "cells": count,
        "tile": tile,
        "objects": int(found.max()),
        "dtype": str(found.dtype),
        "seconds": round(seconds, 1),
        "peak_mb": peak // 1024,
        "peak_mb_before": before // 1024,
        "ap50": round(average_precision(contingency(truth, found), 0.5), 3),
    }
    if measured:
        start = time.perf_counter()
        measure(found, {"grey": classes})
        row["measure_seconds"] = round(time.perf_counter() - start, 1)
    row["equal_untiled"] = bool(np.array_equal(found, find_objects(classes, 2, tile=side)))
    return row


def seamless(side: int, count: int) -> dict[str, object]:
    classes, _ = cells(side, count, seed=1)
    probability = np.random.default_rng(2).random(classes.shape).astype(np.float32)
    same = True
    for settings in (ObjectSettings(), ObjectSettings(split=False), ObjectSettings(strength=0.95)):
        for given in (None, probability):
            whole = find_objects(classes, 2, settings, probability=given, tile=2 * side)
            for tile in (97, 256, 500):
                got = find_objects(classes, 2, settings, probability=given, tile=tile)
                same &= bool(np.array_equal(got, whole)) and got.dtype == whole.dtype
    return {"side": side, "equal_tiled_untiled": same, **against_flooding(classes)}


def against_flooding(classes: np.ndarray) -> dict[str, object]:
    """How many pixels flooding from the same objects' cores gives to the same object."""
    found = find_objects(classes, 2, ObjectSettings(holes=0))
    height = ndi.distance_transform_edt(classes == 2)
    peaks = ndi.maximum(height, found, np.arange(found.max() + 1))
    cores = np.where(height > 0.9 * peaks[found], found, 0)
    flooded = watershed(-height, cores.astype(np.int32), mask=found > 0)
    agree = (flooded == found)[found > 0].mean()
    return {"as_flooding": round(float(agree), 4)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--side", type=int, default=8192)
    parser.add_argument("--cells", type=int, default=20_000)
    parser.add_argument("--tile", type=int, default=2048)
    parser.add_argument("--measure", action="store_true", help="time the table of features, too")
    chosen = parser.parse_args()
    print(json.dumps(seamless(1024, 300)), flush=True)
    with multiprocessing.get_context("spawn").Pool(1) as pool:  # so that its memory is its own
        row = pool.apply(
            timed, (chosen.side, chosen.cells, chosen.tile), {"measured": chosen.measure}
        )
    print(json.dumps(row))


if __name__ == "__main__":
    main()
