"""PhC-U373: cells in phase contrast, partly annotated; ten frames train, five later ones test.

    python benchmarks/phc_u373.py --data U373 --out RUN [--preset paper] [--steps 600]

Prints one JSON line: IoU of the cells' pixels, SEG and F1 of the objects. The threshold is 0.5. The
same command goes on where it was stopped.
"""

from __future__ import annotations

import json

from dense import arguments, inside, model_of
from napari_unet.core.objects import ObjectSettings
from sets import U373_TEST, U373_TRAIN, cell_scores, u373

OBJECTS = ObjectSettings(smallest=300, holes=1000, strength=0.4)
FAR = 0.1  # classes alike would widen the cells, of which there is less than a tenth


def main() -> None:
    args = arguments(__doc__, steps=600, far=FAR).parse_args()
    train, test = ([u373(args.data, name) for name in names] for names in (U373_TRAIN, U373_TEST))
    model = model_of(args, [cells.plane for cells in train])
    found = [inside(model, cells.image) for cells in test]
    row = {"preset": args.preset, **model.header.made, **cell_scores(test, found, OBJECTS)}
    print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
