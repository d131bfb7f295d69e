"""Train on the strokes of a sample image, segment it, and compare with the truth.

    python examples/train_and_segment.py --seconds 60

Needs `pip install .`; no window and no download.
"""

from __future__ import annotations

import argparse

import napari_unet
from napari_unet.core.metrics import confusion, iou
from napari_unet.core.samples import touching_cells
from napari_unet.engine.messages import Judged


def show(event):
    if isinstance(event, Judged) and event.held_out is not None:
        print(f"step {event.step}: {event.held_out:.0%} right on held-out strokes")


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--out", default="touching-cells.safetensors")
    chosen = options.parse_args()

    sample = touching_cells()
    model = napari_unet.train(
        [sample.image], [sample.strokes],
        classes=sample.classes, seconds=chosen.seconds, report=show,
    )  # fmt: skip
    labels = model.segment(sample.image)
    model.save(chosen.out)

    scores = iou(confusion(sample.truth, labels, len(sample.classes)))
    for name, score in zip(sample.classes, scores, strict=True):
        print(f"IoU of {name}: {score:.3f}")
    print(f"The model is {chosen.out}.")


if __name__ == "__main__":
    main()
