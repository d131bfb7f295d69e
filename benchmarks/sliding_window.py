"""What the U-Net replaced: a classifier that looks at a patch around each pixel, one at a time.

    python benchmarks/sliding_window.py time
    python benchmarks/sliding_window.py trade --data ISBI [--model RUN/model.safetensors]

The classifier is the contracting path of our own network with as many poolings as its patch has
room for, an average and a last layer: 16, 36, 76 or 156 px of context for 1 to 4 poolings.
*time* measures, on one thread, 64 patches and one overlap-tile pass of the whole network over
512 x 512 px. **The time of all 262,144 patches is extrapolated.** *trade* trains each classifier
equally long on slices 0-17 of ISBI 2012 and judges some pixels of slices 20-29: context against
localisation; with --steps for as many steps. One JSON line each.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # waiting is not to be counted

import numpy as np
import torch
from scipy import ndimage as ndi
from torch import Tensor, nn
from torch.nn import functional as F

from dense import Plane, inside
from napari_unet.core.blocks import ConvPair, he_init
from napari_unet.core.device import Device, choose
from napari_unet.core.image import Picture, as_plane
from napari_unet.core.model import load
from napari_unet.core.orientations import Orientation
from napari_unet.core.prediction import Predictor
from napari_unet.core.presets import PRESETS
from napari_unet.core.settings import Compute
from sets import INSIDE, isbi_names, isbi_plane

BATCH = 64
SIDE = 512
ONE = (Orientation(),)


class PatchClassifier(nn.Sequential):
    """The contracting path down to `depth` poolings, for one pixel: (N, 1, P, P) to (N, 2)."""

    def __init__(self, width: int, depth: int, *, norm: bool) -> None:
        layers: list[nn.Module] = []
        channels = 1
        for level in range(depth + 1):
            layers += [ConvPair(channels, width << level, 2, norm=norm), nn.MaxPool2d(2)]
            channels = width << level
        layers[-1] = nn.AdaptiveAvgPool2d(1)
        super().__init__(*layers, nn.Flatten(), nn.Linear(channels, 2))
        self.context = 6  # so that 2 px a side are left at the bottom
        for _ in range(depth):
            self.context = 2 * self.context + 4
        self.apply(he_init)


def patches(picture: Picture, places: np.ndarray, side: int) -> Tensor:
    """Patches (N, 1, side, side) around pixels (N, 2); the image is mirrored outside."""
    half = side // 2
    wide = picture.read(tuple(slice(-half, n + half) for n in picture.shape))
    views = np.lib.stride_tricks.sliding_window_view(wide[0], (side, side))
    return torch.from_numpy(views[places[:, 0], places[:, 1]][:, None].copy())


# -- time ------------------------------------------------------------------------------------


def cpu_seconds(work: Callable[[], object], repeats: int) -> float:
    """Least CPU time of some repeats; wall time would tell what else the machine did."""
    best = float("inf")
    for _ in range(repeats):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def timed(preset: str, device: Device) -> dict[str, object]:
    """One pass of the U-Net, and patches of the widest context, over the same image."""
    shape = PRESETS[preset]
    predictor = Predictor(shape.build(1, 2), device)
    picture = Picture.of(np.random.default_rng(0).normal(size=(1, SIDE, SIDE)))
    todo = predictor.tiles(picture)
    whole = cpu_seconds(lambda: list(predictor.mean(picture, todo, mirrored=False)), 3)
    row: dict[str, object] = {"preset": preset, "tiles": len(todo), "unet_s": round(whole, 2)}
    for depth in (4, 3, 2, 1):
        net = PatchClassifier(shape.width, depth, norm=False).eval().to(device.precision)
        places = np.random.default_rng(0).integers(0, SIDE, (BATCH, 2))
        images = device.tensor(patches(picture, places, net.context).to(device.precision))
        with torch.inference_mode():
            one = cpu_seconds(partial(device.put(net), images), 3) / BATCH
        row[f"{net.context} px"] = {
            "measured_patches": BATCH, "s_per_patch": round(one, 5),
            "whole_image_s": round(one * SIDE**2), "times_unet": round(one * SIDE**2 / whole),
        }  # fmt: skip
    return row


# -- context against localisation ------------------------------------------------------------


def drawn(
    planes: Sequence[Plane], pictures: Sequence[Picture], side: int, dice: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Patches of both classes alike, from one slice, turned and flipped at random."""
    index = dice.integers(len(planes))
    paint = planes[index].paint
    places = np.concatenate(
        [dice.permutation(np.argwhere(paint == k))[: BATCH // 2] for k in (1, INSIDE)]
    )
    images = patches(pictures[index], places, side).rot90(int(dice.integers(4)), (2, 3))
    images = images.flip(3) if dice.random() < 0.5 else images
    return images, torch.from_numpy(paint[tuple(places.T)].astype(np.int64) - 1)


def taught(
    net: PatchClassifier, planes: Sequence[Plane], device: Device, args: argparse.Namespace
) -> int:
    """Train for so many steps or CPU seconds, the rate falling to zero; returns the steps."""
    pictures = [Picture.of(as_plane(p.image)) for p in planes]
    dice, steps, start = np.random.default_rng(args.seed), 0, time.process_time()
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3)
    device.put(net).train()
    while True:
        passed = (time.process_time() - start) / args.seconds
        spent = steps / args.steps if args.steps else passed
        if spent >= 1:
            return steps
        optimiser.param_groups[0]["lr"] = 1e-3 * (1 + np.cos(np.pi * spent)) / 2
        images, classes = drawn(planes, pictures, net.context, dice)
        with device.precise():
            found = net(device.tensor(images))
        optimiser.zero_grad()
        F.cross_entropy(found.float(), classes).backward()
        optimiser.step()
        steps += 1


Ask = Callable[[Plane, np.ndarray], np.ndarray]  # probabilities of INSIDE (N,) at pixels (N, 2)


def asked(net: PatchClassifier, device: Device) -> Ask:
    """What the classifier says."""

    def ask(plane: Plane, places: np.ndarray) -> np.ndarray:
        images = patches(Picture.of(as_plane(plane.image)), places, net.context)
        with torch.inference_mode(), device.precise():
            found = [net(device.tensor(part)).float().softmax(1) for part in images.split(BATCH)]
        return torch.cat(found)[:, 1].numpy()

    net.eval()
    return ask


def judged(ask: Ask, planes: Sequence[Plane], count: int) -> dict[str, float]:
    """Error, classes alike, at most 2 px from a border between the classes, and further in."""
    dice = np.random.default_rng(0)
    rows = []
    for plane in planes:
        cells = plane.paint == INSIDE
        depth = ndi.distance_transform_edt(cells) + ndi.distance_transform_edt(~cells)
        places = dice.integers(0, SIDE, (count, 2))
        at = tuple(places.T)
        rows.append(np.stack([(ask(plane, places) > 0.5) != cells[at], cells[at], depth[at] <= 2]))
    miss, cell, near = np.concatenate(rows, axis=1).astype(bool)
    parts = {"near_border": near, "further_in": ~near, "all": np.ones_like(near)}
    return {
        name: round(float(np.mean([miss[where & c].mean() for c in (cell, ~cell)])), 4)
        for name, where in parts.items()
    }


def trade(args: argparse.Namespace) -> None:
    """Train and judge each classifier, and the U-Net of a run if there is one."""
    device = choose(Compute(device="cpu", threads=args.threads, precision="bf16"))
    train, test = (
        [isbi_plane(args.data, name) for name in isbi_names(*part)] for part in ((0, 18), (20, 30))
    )
    for depth in (1, 2, 3, 4):
        torch.manual_seed(args.seed)
        net = PatchClassifier(PRESETS["compact"].width, depth, norm=True)
        began = time.process_time()
        steps = taught(net, train, device, args)
        used = round(time.process_time() - began)
        row = {"context": net.context, "poolings": depth, "steps": steps, "cpu_s": used}
        print(json.dumps(row | judged(asked(net, device), test, args.pixels)), flush=True)
    if args.model:
        model = load(args.model)
        row = {"context": 185, "poolings": 4, **model.header.made}
        found = judged(lambda p, at: inside(model, p.image, ONE)[tuple(at.T)], test, args.pixels)
        print(json.dumps(row | found), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("what", choices=("time", "trade"))
    parser.add_argument("--data", type=Path)
    parser.add_argument("--model", type=Path, help="a U-Net trained by isbi2012.py, to compare")
    parser.add_argument("--seconds", type=float, default=120, help="CPU time of each training")
    parser.add_argument("--steps", type=int, default=0, help="of each, in the place of a time")
    parser.add_argument("--pixels", type=int, default=400, help="judged on each slice")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    if args.what == "trade":
        trade(args)
        return
    device = choose(Compute(device="cpu", threads=1, precision="bf16"))
    for preset in PRESETS:
        print(json.dumps(timed(preset, device)), flush=True)


if __name__ == "__main__":
    main()
