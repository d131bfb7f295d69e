"""The corrective loop: strokes, an answer, a little training, corrections where it is wrong, …

    python benchmarks/corrections.py TASK… --annotator annotator.py --out rounds.jsonl
        [--rounds 10] [--seconds 10] [--peer "forest=python skimage_rf.py --clock cpu"]

Begins with the task's own strokes. After each round a simulated user, who knows the truth, adds
`--strokes` corrections where the annotated image is wrong (`correct(classes, prediction, strokes,
count, seed=…)` of the annotator). Ours is one session that goes on: `--seconds` of training a
round, two CPU seconds on one thread counting as one. A peer is a command `IMG STROKES TEST,…
OUT,… --seconds S` that learns anew from all strokes. One JSON line a round: mean IoU on the
annotated image (same) and on new ones; of ours also the score on held-out strokes, and the
agreement of the newest strokes with the prediction before they were learnt, which is low by
construction: corrections begin in the largest mistakes.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from napari_unet.core.settings import Settings, changed
from watched import Array, Task, Watched
from where_next import load_module

Answer = Callable[[Array], tuple[list[Array], dict[str, Any]]]  # strokes to labels and a row


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tasks", type=Path, nargs="+")
    parser.add_argument("--annotator", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    for name, default in (("rounds", 10), ("strokes", 3), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=COMMAND")
    args = parser.parse_args()
    args.correct = load_module(args.annotator).correct
    done = args.out.read_text().splitlines() if args.out.exists() else []
    have = {(row["task"], row["name"], row["seed"]) for row in map(json.loads, done)}
    for folder in args.tasks:
        task = Task.read(folder)
        if (task.name, "ours", args.seed) not in have:
            loop(task, "ours", ours(task, args), args)
        for name, command in (peer.split("=", 1) for peer in args.peer):
            if (task.name, name, args.seed) not in have:
                loop(task, name, other(folder, command, args), args)


def loop(task: Task, name: str, answer: Answer, args: argparse.Namespace) -> None:
    """All rounds of one program on one task."""
    strokes, truth, rows = task.strokes, task.truths[0], []
    for number in range(args.rounds + 1):
        found, told = answer(strokes)
        row = {"task": task.name, "name": name, "seed": args.seed, "round": number}
        row |= told | task.judged(found)
        rows.append(json.dumps(row))
        print(rows[-1], flush=True)
        seed = 1000 * args.seed + number
        strokes = args.correct(truth, found[0], strokes, args.strokes, seed=seed)
    with args.out.open("a") as lines:
        lines.write("\n".join(rows) + "\n")


def ours(task: Task, args: argparse.Namespace) -> Answer:
    """A session that keeps learning."""
    settings = changed(Settings(), "compute", threads=1, device="cpu")
    settings = changed(settings, "training", seed=args.seed)
    watched = Watched(task, settings)

    def answer(strokes: Array) -> tuple[list[Array], dict[str, Any]]:
        watched.annotate(strokes)
        watched.until(watched.seconds + args.seconds)
        model = watched.model
        told = {"held_out": watched.held_out, "agreement": watched.agreement}
        told |= {"steps": watched.steps, "used": round(watched.seconds, 1)}
        told |= {"rested": watched.rested}
        return [model.segment(i, compute=settings.compute) for i in task.images], told

    return answer


def other(folder: Path, command: str, args: argparse.Namespace) -> Answer:
    """A program that begins anew with all strokes."""
    here = Path(tempfile.mkdtemp(prefix="corrections-"))
    images = ["img", *sorted(p.stem for p in folder.glob("test*.npy") if "_" not in p.stem)]

    def answer(strokes: Array) -> tuple[list[Array], dict[str, Any]]:
        np.save(here / "strokes.npy", strokes)
        outs = [here / f"out{n}.npy" for n in range(len(images))]
        lists = [",".join(str(folder / f"{i}.npy") for i in images), ",".join(map(str, outs))]
        asked = [str(folder / "img.npy"), str(here / "strokes.npy"), *lists]
        more = ["--seconds", str(args.seconds)]
        words = [*shlex.split(command), *asked, *more]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
        return [np.load(out) for out in outs], {}

    return answer


if __name__ == "__main__":
    main()
