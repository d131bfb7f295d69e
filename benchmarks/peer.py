"""napari-unet as one peer of a benchmark under simulated scribbles.

    python benchmarks/peer.py IMG.npy STROKES.npy TEST.npy[,…] OUT.npy[,…] --seconds 60

Trains on one image with its strokes (0 unlabelled, 1…K) for so many seconds, then segments the
test images. Prints one JSON line: seconds to train and predict, steps, memory, held-out score.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import time

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np

from napari_unet.core.settings import Settings, changed
from napari_unet.engine.messages import Answered, Event, Judged, Trained
from napari_unet.engine.train import train


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("img", "strokes", "test", "out"):
        parser.add_argument(name)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--init", default="bundled")
    args = parser.parse_args()
    settings = changed(Settings(), "compute", threads=args.threads, device="cpu")
    settings = changed(settings, "training", seed=args.seed)
    seen: dict[str, float] = {"steps": 0}

    def report(event: Event) -> None:
        match event:
            case Answered():
                seen.setdefault("answer_s", round(time.perf_counter() - start, 2))
            case Trained():
                seen["steps"] = event.step
            case Judged() if event.held_out is not None:
                seen["held_out"] = round(event.held_out, 3)

    image, strokes = np.load(args.img), np.load(args.strokes)
    start = time.perf_counter()
    model = train(
        [image], [strokes], seconds=args.seconds, settings=settings, init=args.init, report=report
    )
    trained = time.perf_counter()
    for source, target in zip(args.test.split(","), args.out.split(","), strict=True):
        np.save(target, model.segment(np.load(source), compute=settings.compute))
    row = {
        "peer": "napari-unet",
        "train_s": round(trained - start, 2),
        "predict_s": round(time.perf_counter() - trained, 2),
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "threads": args.threads,
        **seen,
    }
    print(json.dumps(row))


if __name__ == "__main__":
    main()
