"""The engine behind `ssh` on the loopback address, against the same engine as a local child.

    python benchmarks/remote.py [--repeats 5] [--side 1024] [--kbit 20000]  # below, one tile is all

Needs openssh-server and openssh-client; the server is its own, with keys to throw away. Local and
remote runs alternate. Of each: seconds until the engine is ready, from the last stroke to the first
tile, and tiles a second of a whole sweep of the live prediction, which is what travels back.

The loopback address is as fast as memory: what is seen is the price of `ssh`, of packing and of
waiting for each other, not that of a network. The bytes that would travel are told too, and how
long they take at --kbit per second.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from skimage.data import cell
from skimage.transform import resize

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from loopback import Sshd, missing
from napari_unet.core.annotations import Annotations
from napari_unet.core.settings import Settings
from napari_unet.engine import codec
from napari_unet.engine import host as host_module
from napari_unet.engine.host import Host
from napari_unet.engine.link import Link
from napari_unet.engine.messages import Annotate, Configure, Look, Open, Predicted, Ready, Swept


def until(link, kind):
    while not isinstance(event := link.wait(120), kind):
        pass
    return event


def size(message, *, packed):
    stream = io.BytesIO()
    codec.write(stream, message, packed=packed)
    return stream.tell()


def once(host: Host | None, image) -> dict[str, float]:
    side = len(image)
    opened = Open("image", image[None])
    paint = np.zeros(image.shape, np.uint8)
    paint[10:13, 10:120] = 1
    paint[side // 2 : side // 2 + 3, side // 2 : side // 2 + 60] = 2
    began = time.perf_counter()
    link = Link(host=host)
    link.post(Configure(("background", "cell"), Settings()))
    link.post(opened)
    link.post(Look("image", (0, 0, side, side)))
    until(link, Ready)
    ready = time.perf_counter()
    time.sleep(3 * (side / 512) ** 2)  # the user looks and chooses a brush
    start = time.perf_counter()
    link.post(Annotate("image", Annotations.of(paint)))
    tiles = [until(link, Predicted)]
    first = time.perf_counter()
    while (event := link.wait(120)) and not (
        isinstance(event, Swept) and event.done == event.total
    ):
        tiles += [event] if isinstance(event, Predicted) else []
    last = time.perf_counter()
    link.close()
    link.process.wait()
    return {
        "ready_s": ready - began,
        "first_tile_s": first - start,
        "tiles_per_s": (len(tiles) - 1) / (last - first),
        "image_kB": size(opened, packed=host is not None) / 1000,
        "tile_kB": statistics.mean(size(tile, packed=host is not None) for tile in tiles) / 1000,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--kbit", type=float, default=20_000)
    args = parser.parse_args()
    if reason := missing():
        sys.exit(f"remote: {reason}")
    image = resize(cell(), (args.side, args.side), preserve_range=True).astype(np.uint8)
    rows: dict[str, list[dict[str, float]]] = {"local": [], "remote": []}
    with tempfile.TemporaryDirectory() as folder:
        server = Sshd(Path(folder))
        host_module.program = server.program
        try:
            for _ in range(args.repeats):
                rows["local"].append(once(None, image))
                rows["remote"].append(once(server.lab, image))
        finally:
            server.stop()
    for place, found in rows.items():
        for key in found[0]:
            values = sorted(row[key] for row in found)
            told = {"median": statistics.median(values), "min": values[0], "max": values[-1]}
            print(
                json.dumps(
                    {"where": place, "what": key, **{k: round(v, 3) for k, v in told.items()}}
                )
            )
    for key in ("image_kB", "tile_kB"):
        seconds = 8 * rows["remote"][0][key] / args.kbit
        print(
            json.dumps({"what": f"{key[:-3]}_s_at_{args.kbit:g}_kbit", "value": round(seconds, 4)})
        )


if __name__ == "__main__":
    main()
