"""Plots of what the scripts beside measured, for the documentation.

    python benchmarks/plot.py curve curve.jsonl docs/images/benchmark-curve.svg
    python benchmarks/plot.py rounds rounds.jsonl docs/images/benchmark-rounds.svg

Needs matplotlib (`pip install --group docs`).
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt

COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#000000")
STYLES = {"ours": "-", "forest": "--"}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("curve", "rounds"))
    parser.add_argument("rows", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    rows = [json.loads(line) for line in args.rows.read_text().splitlines()]
    mpl.rcParams.update({"svg.hashsalt": "napari-unet", "svg.fonttype": "none", "font.size": 9})
    figure, axes = plt.subplots(1, 2, figsize=(8, 3.2), sharey=True, layout="constrained")
    x = "seconds" if args.what == "curve" else "round"
    for axis, y, title in zip(
        axes, ("same", "new"), ("annotated image", "new images"), strict=True
    ):
        draw(axis, rows, x, y)
        axis.set_title(title)
    if args.what == "curve":
        for axis in axes:
            axis.set_xscale("log")
            axis.set_xticks(ticks := sorted({row["seconds"] for row in rows}))
            axis.set_xticklabels([f"{tick:g}" for tick in ticks])
            axis.minorticks_off()
    axes[0].set_ylabel("mean IoU")
    for axis in axes:
        axis.set_xlabel("seconds" if args.what == "curve" else "rounds of corrections")
        axis.spines[["top", "right"]].set_visible(False)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right center", frameon=False)
    figure.savefig(args.out, metadata={"Date": None})


def draw(axis: Any, rows: list[dict[str, Any]], x: str, y: str) -> None:
    """One line for each set and program."""
    lines: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for row in rows:
        # the first answer may have taken longer than the budget; who rests has used less
        at = row[x] if x == "round" or row["rested"] else row["used"]
        lines[row["task"].rsplit("-", 2)[0], row.get("name", "ours")].append((at, row[y]))
    sets = list(dict.fromkeys(name for name, _ in lines))
    for (name, who), points in lines.items():
        label = name if who == "ours" else f"{name}, {who}"
        colour = COLOURS[sets.index(name) % len(COLOURS)]
        style = STYLES.get(who, ":")
        axis.plot(*zip(*points, strict=True), style, marker=".", color=colour, label=label)


if __name__ == "__main__":
    main()
