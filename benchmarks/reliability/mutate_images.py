"""Gives damaged and odd image files to a batch: each must end in results or in a sentence.

    python benchmarks/reliability/mutate_images.py --count 500

A fifth are odd but whole: every type of number, one pixel, a line, constant, not a number, five
axes, headers that promise more pixels than there is memory, folders and links with names of
images, other formats under wrong names. The rest are TIFF, PNG, JPEG and .npy files of all kinds
with bytes changed, pieces cut out, doubled or zeroed, or the end missing. All results are asked
for. A file may take 60 s, the batch 4 GiB. Linux and macOS only.
"""

from __future__ import annotations

import argparse
import faulthandler
import os
import pickle
import resource
import struct
import sys
import tempfile
import zlib
from collections import Counter
from itertools import cycle
from pathlib import Path

import numpy as np
import tifffile
from mutate import FORBIDDEN, scratch
from mutate_models import make
from PIL import Image

from napari_unet.core.recipe import KINDS, Recipe
from napari_unet.core.settings import Compute
from napari_unet.engine.batch.plan import Order
from napari_unet.engine.batch.segmenter import ModelSegmenter
from napari_unet.engine.folder import segment_folder
from napari_unet.engine.messages import FileSegmented, FolderSegmented

SECONDS, BYTES = 60, 4 << 30
DICE = np.random.default_rng(0)
GREY = DICE.integers(0, 255, (60, 70), np.uint8)
STACK = DICE.integers(0, 4000, (3, 60, 70), np.uint16)
TYPES = ("bool", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", "c8", ">u2",
         ">f4", "M8[s]", "S3", "V5", [("a", "u1"), ("b", "f4")])  # fmt: skip


def whole(folder: Path) -> list[Path]:
    """Files of many kinds that nothing is wrong with."""
    folder.mkdir()
    tiffs = {
        "plain": {"data": GREY}, "lzw": {"data": GREY, "compression": "zlib"},
        "tiles": {"data": GREY, "tile": (16, 16)}, "float": {"data": GREY.astype("f4")},
        "big": {"data": GREY, "bigtiff": True}, "motorola": {"data": STACK, "byteorder": ">"},
        "stack": {"data": STACK, "metadata": {"axes": "ZYX", "spacing": 0.5}, "imagej": True},
        "colour": {"data": np.stack([GREY] * 3, -1), "photometric": "rgb"},
        "ome": {"data": STACK, "ome": True, "metadata": {"axes": "TYX", "PhysicalSizeX": 0.3}},
    }  # fmt: skip
    for name, how in tiffs.items():
        tifffile.imwrite(folder / f"{name}{'.ome' * (name == 'ome')}.tif", **how)
    for name in ("grey.png", "grey.jpg"):
        Image.fromarray(GREY).save(folder / name)
    Image.fromarray(GREY).convert("P").save(folder / "palette.png")
    Image.fromarray(GREY).convert("1").save(folder / "bits.png")
    Image.fromarray(np.stack([GREY] * 4, -1)).save(folder / "alpha.png")
    np.save(folder / "array.npy", GREY)
    return sorted(folder.iterdir())


def odd(folder: Path) -> None:
    """Files that are whole, but that nobody expects."""
    for number, kind in enumerate(TYPES):
        values = np.zeros(GREY.shape, kind)
        if values.dtype.kind in "biufc":
            values[:] = GREY % 100
        np.save(folder / f"type-{number}.npy", values)
    for number, value in enumerate((0, 255, np.nan, np.inf, -np.inf, 1e300, 5e-324)):
        np.save(folder / f"constant-{number}.npy", np.full((40, 40), value))
    mixed = GREY.astype(float)
    mixed[3, 4], mixed[5, 6] = np.nan, np.inf
    np.save(folder / "holes.npy", mixed)
    shapes = ((1, 1), (1, 500), (500, 1), (0, 40), (40, 0), (0,), (), (40,), (2, 3, 40, 40),
              (2, 2, 2, 40, 40), (40, 40, 3), (40, 40, 4), (40, 40, 7), (3, 40, 40))  # fmt: skip
    for number, shape in enumerate(shapes):
        np.save(folder / f"shape-{number}.npy", np.zeros(shape, np.uint8))
        if 0 not in shape and shape:
            tifffile.imwrite(folder / f"shape-{number}.tiff", np.zeros(shape, np.uint8))
    promises(folder)
    impostors(folder)


def promises(folder: Path) -> None:
    """Headers that ask for more than there is."""
    for number, shape in enumerate(((10**6, 10**6), (2**40, 2**40), (-5, 40), (10**30, 1))):
        header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
        data = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()
        (folder / f"promise-{number}.npy").write_bytes(data + b"\0" * 100)
    for number, side in enumerate((30_000, 60_000, 2**31 - 1)):
        ihdr = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
        chunks = [(b"IHDR", ihdr), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
        data = b"".join(
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
            for kind, body in chunks
        )
        (folder / f"promise-{number}.png").write_bytes(b"\x89PNG\r\n\x1a\n" + data)
    for number, side in enumerate((100_000, 2**31 - 1)):
        path = folder / f"promise-{number}.tif"
        tifffile.imwrite(path, GREY)
        with tifffile.TiffFile(path, mode="r+b") as file:
            for name in ("ImageWidth", "ImageLength"):
                file.pages[0].tags[name].overwrite(side)


def impostors(folder: Path) -> None:
    """Other things under names of images, and odd names."""
    (folder / "empty.tif").touch()
    (folder / "text.tif").write_text("no image", encoding="utf-8")
    (folder / "text.npy").write_text("no image", encoding="utf-8")
    (folder / "folder.tif").mkdir()
    (folder / "loop.png").symlink_to("loop.png")
    (folder / "nowhere.png").symlink_to("nowhere else.png")
    (folder / "pickle.npy").write_bytes(pickle.dumps({"a": 1}))
    np.save(folder / "objects.npy", np.array([{"a": 1}, None]), allow_pickle=True)
    np.savez(folder / "archive", GREY)
    (folder / "archive.npz").rename(folder / "archive.npy")
    for name in ("a b c", "ünï – 细胞", "x" * 200, "new\nline", "quote\"'", "-rf", "100%d{0}"):
        Image.fromarray(GREY).save(folder / f"{name}.png")
    for kind in ("gif", "bmp", "webp", "ppm"):
        Image.fromarray(GREY).save(folder / f"{kind}.x", kind)
        (folder / f"{kind}.x").rename(folder / f"{kind}-as.png")


def fill(folder: Path, count: int) -> None:
    """The folder of the batch."""
    folder.mkdir()
    odd(folder)
    models = whole(folder.parent / "whole")
    files = sum(path.is_file() for path in folder.iterdir())  # no folders, no broken links
    for number, path in zip(range(count - files), cycle(models)):
        data = path.read_bytes()
        for _ in range(1 + number % 3):
            data = scratch(data, np.random.default_rng(number))
        (folder / f"mutant-{number:03}-{path.name}").write_bytes(data)


def limit() -> None:
    """Hold this process to its limits of memory and of what it may do."""
    used = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_DATA, (used + BYTES, used + BYTES))
    forbidden = {*FORBIDDEN} - {"exec"}  # named tuples of libraries are made with it

    def watch(event: str, values: tuple) -> None:
        if event in forbidden:
            os.write(2, f"FORBIDDEN: {event} {values}\n".encode())
            os._exit(9)

    sys.addaudithook(watch)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=500)
    arguments = parser.parse_args()
    where = Path(tempfile.mkdtemp(prefix="napari-unet-images-"))
    fill(where / "images", arguments.count)
    segmenter = ModelSegmenter(make(), Compute(threads=1, mirrors=False))
    order = Order((where / "images",), where / "results", recipe=Recipe(kinds=KINDS))
    outcomes: Counter[str] = Counter()
    limit()
    faulthandler.dump_traceback_later(SECONDS, exit=True)
    for event in segment_folder(order, segmenter):
        faulthandler.dump_traceback_later(SECONDS, exit=True)
        if isinstance(event, FileSegmented):
            outcomes[outcome := outcome_of(event)] += 1
            if outcome.isupper() or event.error:
                print(f"{Path(event.source).name!r}: {event.error or outcome}", flush=True)
        if isinstance(event, FolderSegmented):
            print(event)
    faulthandler.cancel_dump_traceback_later()
    for outcome, count in sorted(outcomes.items()):
        print(f"{count:6d}  {outcome}")
    if any(outcome.isupper() for outcome in outcomes):
        raise SystemExit(1)


def outcome_of(event: FileSegmented) -> str:
    if event.error:
        fine = len(event.error) > 30 and "\n" not in event.error and "Traceback" not in event.error
        return "a sentence" if fine else "NO PLAIN SENTENCE"
    return "results" if all(Path(path).exists() for path in event.results) else "NO RESULTS"


if __name__ == "__main__":
    main()
