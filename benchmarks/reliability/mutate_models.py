"""Opens damaged and hostile model files by the thousand, and counts what becomes of them.

    python benchmarks/reliability/mutate_models.py --count 10000

Each mutant is a small model file with bytes changed at random, pieces cut out, doubled or zeroed,
the end missing; or with a hostile value in its header, the table of tensors and our own JSON, the
lengths made right again and the checksum left out. It must be opened, and then segment an image,
or be refused with a sentence; within 5 s and 1 GiB, and without running code, starting processes
or reading files. Linux and macOS only.
"""

from __future__ import annotations

import argparse
import json
import signal
import struct
import traceback
from collections import Counter

import numpy as np
import torch
from mutate import SECONDS, limit, poison, scratch

from napari_unet.core.front import KEY, SEAL
from napari_unet.core.header import ModelError
from napari_unet.core.image import ImageError
from napari_unet.core.model import Model
from napari_unet.core.settings import Compute, Settings
from napari_unet.core.unet import UNet

IMAGE = np.random.default_rng(0).integers(0, 255, (40, 50), np.uint8)
COMPUTE = Compute(threads=1, mirrors=False)


def make() -> bytes:
    """A small model file."""
    torch.manual_seed(0)
    net = UNet(1, 2, width=4, depth=2, norm=True)
    return Model.of(net, ("ground", "cell"), Settings(), {"steps": 20}).to_bytes()


def poisoned(data: bytes, dice: np.random.Generator) -> bytes:
    """With a hostile value in its header, whose length is right."""
    (length,) = struct.unpack("<Q", data[:8])
    outer, weights = json.loads(data[8 : 8 + length]), data[8 + length :]
    if dice.random() < 0.6:
        ours = poison(json.loads(outer["__metadata__"][KEY]), dice)
        outer["__metadata__"][KEY] = json.dumps(ours)
    else:
        outer = poison(outer, dice)
    if isinstance(outer, dict) and isinstance(outer.get("__metadata__"), dict):
        outer["__metadata__"].pop(SEAL, None)  # who wants to do harm leaves it out
    if dice.random() < 0.2:
        weights = weights[: int(dice.integers(len(weights)))]
    text = json.dumps(outer).encode()
    claimed = len(text) if dice.random() < 0.9 else int(dice.integers(2**63))
    return struct.pack("<Q", claimed) + text + weights


def open_one(data: bytes) -> str:
    """How opening a mutant ends."""
    try:
        model = Model.from_bytes(data)
    except ModelError as error:
        return "refused with a sentence" if len(str(error)) > 20 else "REFUSED WITHOUT A SENTENCE"
    try:
        labels = model.segment(IMAGE, compute=COMPUTE)
    except ImageError:  # it asks for other channels
        return "opened; another image is needed"
    right = labels.shape == IMAGE.shape and 1 <= labels.min() <= labels.max()
    return "opened, and segments" if right else "WRONG LABELS"


def guarded(data: bytes) -> str:
    """`open_one`, held to its limit of time."""
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        return open_one(data)
    except TimeoutError:
        return "HANG"
    except MemoryError:
        return "MEMORY"
    except Exception:  # noqa: BLE001 - this is what is counted
        traceback.print_exc()
        return "CRASH"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    whole = make()
    if open_one(whole) != "opened, and segments":  # so that all modules are there, too
        raise SystemExit("the whole file does not open")
    limit()
    outcomes: Counter[tuple[str, str]] = Counter()
    for seed in range(arguments.seed, arguments.seed + arguments.count):
        dice = np.random.default_rng(seed)
        kind = "damaged" if dice.random() < 0.5 else "hostile header"
        outcome = guarded((scratch if kind == "damaged" else poisoned)(whole, dice))
        outcomes[kind, outcome] += 1
        if outcome.isupper():
            print(f"seed {seed}: {kind}: {outcome}", flush=True)
    for (kind, outcome), count in sorted(outcomes.items()):
        print(f"{count:6d}  {kind}: {outcome}")
    if any(outcome.isupper() for _, outcome in outcomes):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
