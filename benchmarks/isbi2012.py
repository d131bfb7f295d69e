"""ISBI 2012: membranes in electron micrographs, slices 20-29 judged as in the challenge.

    python benchmarks/isbi2012.py --data ISBI --out RUN [--preset paper] [--steps 1500]

Trains on slices 0-17. Slices 18 and 19 choose the threshold of the probability and the orientations
that are averaged. Prints one JSON line: scores on 20-29 at that threshold, and each at its best
threshold, as the challenge did. The same command goes on where it was stopped.
"""

from __future__ import annotations

import json

from dense import arguments, inside, model_of
from napari_unet.core.orientations import ALL, MIRRORS, SEVEN, Orientation
from sets import FINE, isbi_curve, isbi_names, isbi_plane, isbi_scores

VIEWS = {"one": (Orientation(),), "mirrors": MIRRORS, "seven": SEVEN, "all": ALL}


def main() -> None:
    args = arguments(__doc__).parse_args()
    train, choosing, test = (
        [isbi_plane(args.data, name) for name in isbi_names(*part)]
        for part in ((0, 18), (18, 20), (20, 30))
    )
    model = model_of(args, train)
    held = {}
    for name, views in VIEWS.items():
        curve = isbi_curve(choosing, [inside(model, p.image, views) for p in choosing])
        best = curve.sum(1).argmax()
        held[name] = (float(curve[best].sum()), FINE[best], curve[best].round(4).tolist())
    name = max(held, key=lambda key: held[key][0])
    threshold = held[name][1]
    found = [inside(model, p.image, VIEWS[name]) for p in test]
    row = {
        "preset": args.preset, **model.header.made, "w0": args.w0, "rate": args.rate,
        "views": name, "threshold": threshold, "held_out": {k: v[1:] for k, v in held.items()},
        "test": isbi_scores(test, found, [threshold]), "test_best": isbi_scores(test, found),
    }  # fmt: skip
    print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
