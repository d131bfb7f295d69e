"""Kill a batch at random moments: no broken file, and in the end the same as undisturbed.

    python benchmarks/kill_batch.py [--kills 50] [--files 40] [--json FILE]

Each run is ended with SIGKILL at a random moment between its first sign of life and its end; after
each, every file in the folder of the results is opened. A last run, which nobody disturbs, must
leave what an undisturbed run leaves, byte for byte. One round is enough for some kills; then a
new folder is begun.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import tifffile
import torch

from napari_unet.core.model import Model
from napari_unet.core.settings import Settings
from napari_unet.core.unet import UNet

OUTPUTS = "classes,objects,probabilities,measurements"


def images(folder: Path, count: int) -> None:
    random = np.random.default_rng(0)
    folder.mkdir()
    for n in range(count):
        noise = random.integers(0, 255, (1 + n % 3, 150, 150), dtype=np.uint8)
        tifffile.imwrite(folder / f"image_{n:03}.tif", noise, metadata={"axes": "ZYX"})


def command(source: Path, model: Path, target: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "napari_unet.cli", "segment", str(source)),
        *("--model", str(model), "--out", str(target), "--outputs", OUTPUTS),
        *("--threads", "1", "--precision", "fp32", "--no-mirrors", "--json"),
    ]


def contents(folder: Path) -> dict[str, bytes]:
    """What a user finds."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.parts[-3:])
    }


def broken(folder: Path) -> list[str]:
    """Files that cannot be read to their end."""
    bad = []
    for path in folder.rglob("*"):
        if not path.is_file() or path.name.startswith(".") or ".napari-unet" in path.parts:
            continue
        try:
            if path.suffix == ".tif":
                tifffile.imread(path)
            elif not path.read_text(encoding="utf-8").endswith("\n"):
                bad.append(f"{path}: cut short")
        except Exception as error:  # noqa: BLE001 - whatever a broken file makes it raise
            bad.append(f"{path}: {error}")
    return bad


def undisturbed(line: list[str]) -> float:
    """Run to the end; the seconds from the first file to the last."""
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        if process.stdout is not None:
            process.stdout.readline()
        began = time.perf_counter()
        process.communicate()
    if process.returncode:
        raise SystemExit("The undisturbed run failed.")
    return time.perf_counter() - began


def disturbed(line: list[str], longest: float, dice: np.random.Generator) -> bool:
    """Run and kill at a random moment after the first file; False if it came to its end."""
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        if process.stdout is not None:
            process.stdout.readline()  # the imports are over
        try:
            process.wait(dice.uniform(0, longest))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            return True
    return False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--files", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    dice = np.random.default_rng(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        images(root / "images", options.files)
        torch.manual_seed(0)
        model = Model.of(UNet(1, 2, width=8, depth=3), ("background", "cell"), Settings())
        model.save(root / "model.safetensors")
        whole = undisturbed(command(root / "images", root / "model.safetensors", root / "calm"))
        truth = contents(root / "calm")
        kills = rounds = differing = 0
        bad: list[str] = []
        while kills < options.kills:
            target = root / f"round_{rounds}"
            line = command(root / "images", root / "model.safetensors", target)
            for _ in range(8):
                if kills == options.kills or not disturbed(line, whole / 4, dice):
                    break
                kills += 1
                bad += broken(target)
            subprocess.run(line, check=True, stdout=subprocess.DEVNULL)
            differing += contents(target) != truth
            bad += broken(target)
            rounds += 1
            print(f"{kills} kills, {rounds} rounds, {len(bad)} broken, {differing} rounds differ")
    result = {
        "kills": kills, "rounds": rounds, "files": len(truth), "broken": bad,
        "rounds_that_differ": differing, "seconds_undisturbed": round(whole, 1),
    }  # fmt: skip
    print(json.dumps(result, indent=1))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    return 1 if bad or differing else 0


if __name__ == "__main__":
    raise SystemExit(main())
