"""Seconds from the last needed stroke to the first tile on screen, through the real child process.

    python benchmarks/first_answer.py [--repeats 5] [--side 512]

The engine is up and the image is open, as when a panel is; then two strokes arrive. Afterwards a
third stroke shows what a further one costs, before and during fine-tuning. In another process,
image and strokes are sent together to an engine that is up: all features are counted then.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time

import numpy as np
from skimage.data import cell
from skimage.transform import resize

from napari_unet.core.annotations import Annotations
from napari_unet.core.settings import Settings, changed
from napari_unet.engine.link import Link
from napari_unet.engine.messages import (
    Annotate,
    Configure,
    Look,
    Open,
    Predicted,
    Ready,
    Train,
    Trained,
)


def until(link: Link, kind: type, generation: int = 0) -> tuple[float, int]:
    while True:
        event = link.wait(60)
        if isinstance(event, kind) and getattr(event, "generation", 0) >= generation:
            return time.perf_counter(), getattr(event, "generation", 0)


def picture(side: int) -> tuple[np.ndarray, np.ndarray]:
    """An image, and two strokes."""
    image = resize(cell(), (side, side), preserve_range=True).astype(np.uint8)
    paint = np.zeros(image.shape, np.uint8)
    paint[10:13, 10:120] = 1
    paint[side // 2 : side // 2 + 3, side // 2 : side // 2 + 60] = 2
    return image, paint


def at_once(side: int, threads: int) -> float:
    """Seconds from image and strokes to the first tile."""
    image, paint = picture(side)
    link = Link()
    settings = changed(Settings(), "compute", threads=threads)
    link.post(Configure(("background", "cell"), settings))
    until(link, Ready)
    start = time.perf_counter()
    link.post(Open("image", image[None]))
    link.post(Look("image", (0, 0, side, side)))
    link.post(Annotate("image", Annotations.of(paint)))
    first, _ = until(link, Predicted)
    link.close()
    link.process.wait()
    return first - start


def once(side: int) -> dict[str, float]:
    image, paint = picture(side)
    began = time.perf_counter()
    link = Link()
    link.post(Configure(("background", "cell"), Settings()))
    link.post(Open("image", image[None]))
    link.post(Look("image", (0, 0, side, side)))
    ready, _ = until(link, Ready)
    time.sleep(3)  # the user looks and chooses a brush
    start = time.perf_counter()
    link.post(Annotate("image", Annotations.of(paint)))
    first, generation = until(link, Predicted)
    further = paint.copy()
    further[side - 20 : side - 17, 20:90] = 1
    again = time.perf_counter()
    link.post(Annotate("image", Annotations.of(further)))
    second, generation = until(link, Predicted, generation + 1)
    link.post(Train())
    until(link, Trained)
    more = further.copy()
    more[20:90, side - 20 : side - 17] = 1
    busy = time.perf_counter()
    link.post(Annotate("image", Annotations.of(more)))
    third, _ = until(link, Predicted, generation + 1)
    link.close()
    link.process.wait()
    return {
        "process_s": ready - began,
        "first_s": first - start,
        "further_s": second - again,
        "while_training_s": third - busy,
        "all_at_once_1_thread_s": at_once(side, 1),
        "all_at_once_2_threads_s": at_once(side, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--side", type=int, default=512)
    args = parser.parse_args()
    rows = [once(args.side) for _ in range(args.repeats)]
    for key in rows[0]:
        values = [row[key] for row in rows]
        summary = {"median": statistics.median(values), "min": min(values), "max": max(values)}
        print(json.dumps({"what": key, **{k: round(v, 3) for k, v in summary.items()}}))


if __name__ == "__main__":
    main()
