"""Write the averaged weights of a pre-training run as the bundled model.

python pretraining/export.py runs/s24/checkpoint.pt src/napari_unet/weights/compact.safetensors
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from napari_unet.core.model import Model, load
from napari_unet.core.settings import Settings
from napari_unet.core.unet import UNet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    saved = torch.load(args.checkpoint, weights_only=True)
    net = UNet(3, 2, width=saved["width"], norm=True, dropout=0.0, side=saved["side"])
    prefix = "module.net."
    state = {k.removeprefix(prefix): v for k, v in saved["average"].items() if k.startswith(prefix)}
    net.load_state_dict(state)
    net.pretrained = True
    begun = saved["arguments"]["start"]
    before = {} if begun == "None" else load(Path(begun)).header.made
    made = {
        "steps": saved["step"] + int(before.get("steps", 0)),
        "cpu_hours": round(saved["spent"] / 3600 + float(before.get("cpu_hours", 0)), 2),
        "recipe": "pretraining/train.py",
        "seed": int(saved["arguments"]["seed"]),
    }
    model = Model.of(net, (), Settings(), made)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_bytes(model.to_bytes(torch.float16))
    print(f"{args.out}: {args.out.stat().st_size / 1e6:.1f} MB, {made}")


if __name__ == "__main__":
    main()
