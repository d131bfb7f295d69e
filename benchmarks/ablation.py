"""What each part buys: training without the border weight, elastic deformation or pre-training.

    python benchmarks/ablation.py --isbi DIR --u373 DIR --cho DIR --out RUNS [--steps 300]

Three sets, four ways, several seeds, each with the same short budget; all scores are on test
images, none of which chooses anything. Prints and keeps (RUNS/table.jsonl) one JSON line a run, and
at the end mean ± standard deviation over the seeds; runs that are there already are skipped, and
one that was stopped goes on.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dense import Plane, arguments, inside, run
from napari_unet.core.objects import ObjectSettings
from phc_u373 import FAR, OBJECTS
from sets import (
    U373_TEST,
    U373_TRAIN,
    Cells,
    cell_scores,
    cho,
    isbi_names,
    isbi_plane,
    isbi_scores,
    u373,
)

WAYS: dict[str, dict[str, object]] = {
    "all": {},
    "no border weight": {"w0": 0.0},
    "no elastic deformation": {"elastic": 0.0},
    "no pre-training": {"init": "random"},
}
CHO_TRAIN = tuple(f"train_cho{n}" for n in (21, 25, 29, 33, 37))
CHO_TEST = tuple(f"test_cho{n}" for n in (41, 45, 49, 53, 57))
SCORES = ("v_rand", "v_info", "rand_error", "pixel_error", "iou", "seg", "f1_50")
CHO_OBJECTS = ObjectSettings(smallest=300, holes=1000)


@dataclass(frozen=True)
class Experiment:
    """What to train on, test images, how what is found is scored, weight of far background."""

    train: Sequence[Plane]
    test: Sequence[np.ndarray]
    score: Callable[[Sequence[np.ndarray]], dict[str, float]]
    far: float = 0.0


def of_cells(train: Sequence[Cells], test: Sequence[Cells], objects: ObjectSettings) -> Experiment:
    """A set of images whose cells have ids."""
    return Experiment(
        [cells.plane for cells in train],
        [cells.image for cells in test],
        lambda found: cell_scores(test, found, objects),
        FAR,
    )


def experiments(args: argparse.Namespace) -> dict[str, Experiment]:
    """The sets that were given."""
    found = {}
    if args.isbi:
        train, test = (
            [isbi_plane(args.isbi, n) for n in isbi_names(*part)] for part in ((0, 20), (20, 30))
        )
        found["isbi2012_em"] = Experiment(
            train, [p.image for p in test], lambda got: isbi_scores(test, got, (0.5,))
        )
    if args.u373:
        parts = ([u373(args.u373, n) for n in names] for names in (U373_TRAIN, U373_TEST))
        found["ctc_phc_u373"] = of_cells(*parts, OBJECTS)
    if args.cho:
        parts = ([cho(args.cho, n) for n in names] for names in (CHO_TRAIN, CHO_TEST))
        found["bbbc030_cho_dic"] = of_cells(*parts, CHO_OBJECTS)
    return found


def summary(rows: Sequence[dict[str, object]]) -> None:
    """Print mean ± standard deviation over the seeds of each score of each way of each set."""
    for name, way in dict.fromkeys((row["set"], row["way"]) for row in rows):
        mine = [row for row in rows if (row["set"], row["way"]) == (name, way)]
        told = []
        for score in SCORES:
            if score in mine[0]:
                values = np.array([row[score] for row in mine], float)
                told.append(f"{score} {values.mean():.4f} ± {values.std():.4f}")
        print(f"{name}, {way} ({len(mine)} seeds): {', '.join(told)}")


def main() -> None:
    parser = arguments(__doc__, steps=300, data=Path())
    for name in ("isbi", "u373", "cho"):
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    sets, out = experiments(args), args.out
    table = out / "table.jsonl"
    known = [json.loads(line) for line in table.open()] if table.exists() else []
    done = {(row["set"], row["way"], row["seed"]) for row in known}
    for seed, (name, one), (way, changes) in itertools.product(
        range(args.seeds), sets.items(), WAYS.items()
    ):
        if (name, way, seed) in done:
            continue
        folder = out / name / f"{way} {seed}".replace(" ", "-")
        model = run(
            argparse.Namespace(
                **{**vars(args), "far": one.far, **changes, "seed": seed, "out": folder}
            )
        )
        trained = model.trained(one.train)
        row = {"set": name, "way": way, "seed": seed, **trained.header.made}
        row |= one.score([inside(trained, image) for image in one.test])
        print(json.dumps(row), flush=True)
        with table.open("a") as file:
            print(json.dumps(row), file=file)
        known.append(row)
    summary(known)


if __name__ == "__main__":
    main()
