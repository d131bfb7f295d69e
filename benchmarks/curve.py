"""Quality against time: what a training without a window has after 2, 10, 30 … seconds.

    python benchmarks/curve.py TASK… --out curve.jsonl [--budgets 2 10 30 60 120 300]

Tasks are folders as in `watched.py`. Two CPU seconds count as one second, on one thread: that is
what two cores give at best, and depends little on what else the machine does. At each budget the
images are segmented while the clock stands still, with the weights that a user would see then;
nothing is spent on a live prediction. One JSON line each: mean IoU on the annotated
image (same) and on new ones, steps, held-out score. What is done is not repeated.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from napari_unet.core.settings import Settings, changed
from watched import Task, Watched

BUDGETS = (2.0, 10.0, 30.0, 60.0, 120.0, 300.0)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tasks", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--budgets", type=float, nargs="+", default=BUDGETS)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    done = args.out.read_text().splitlines() if args.out.exists() else []
    have = {(row["task"], row["seed"], row["seconds"]) for row in map(json.loads, done)}
    for folder in args.tasks:
        todo = [b for b in sorted(args.budgets) if (folder.name, args.seed, b) not in have]
        if todo:
            curve(Task.read(folder), todo, args.seed, args.out)


def curve(task: Task, budgets: list[float], seed: int, out: Path) -> None:
    """One training, judged at each budget."""
    settings = changed(Settings(), "compute", threads=1, device="cpu")
    settings = changed(settings, "training", seed=seed)
    watched = Watched(task, settings)
    watched.annotate(task.strokes)
    for budget in budgets:
        watched.until(budget)
        model = watched.model
        found = [model.segment(image, compute=settings.compute) for image in task.images]
        row = {
            "task": task.name, "seed": seed, "seconds": budget,
            "used": round(watched.seconds, 1), "steps": watched.steps,
            "held_out": watched.held_out, "rested": watched.rested, **task.judged(found),
        }  # fmt: skip
        with out.open("a") as lines:
            lines.write(json.dumps(row) + "\n")
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
