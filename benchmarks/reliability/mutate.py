"""Opens damaged and hostile projects by the thousand, and counts what becomes of them.

    python benchmarks/reliability/mutate.py --count 10000

Each mutant is a copy of a small project with one file changed: bytes at random, pieces cut out,
doubled or zeroed, the end missing; or, with checksums made right again, values in the manifest,
in the log, in the snapshot and in headers of images replaced by hostile ones. It must be opened
with paint that the project once had, or be refused with a sentence; within 5 s and 1 GB, and
without running code, starting processes or reading files elsewhere. Linux and macOS only.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import traceback
from collections import Counter
from io import BytesIO
from pathlib import Path

import msgspec
import numpy as np

from napari_unet.core.annotations import Annotations
from napari_unet.core.project import frames, log, sources
from napari_unet.core.project.changes import LabelClass
from napari_unet.core.project.errors import ProjectError
from napari_unet.core.project.folder import ProjectFolder
from napari_unet.core.project.manifest import File, ImageEntry, Manifest, Progress, Source
from napari_unet.core.project.record import Record
from napari_unet.core.project.recovery import open_project

SECONDS, BYTES = 5, 1 << 30
SAVED = 20  # strokes that the snapshot knows
HOSTILE = (
    -1, 0, 1, 2**31, 2**63 - 1, 10**40, 1e308, -0.5, None, True, "", "x" * 100_000,
    "../../etc/passwd", "/etc/passwd", "//server/share/a.tif", "\\\\server\\a", "C:/x",
    "images/../../x.npy", "http://a/b", "\0", "__import__('os').system('true')", [], {},
    [[[[[]]]]], list(range(5000)),
)  # fmt: skip
FORBIDDEN = ("exec", "os.system", "subprocess.Popen", "socket.connect", "pickle.find_class",
             "os.posix_spawn", "shutil.unpack_archive", "urllib.Request")  # fmt: skip


def make(path: Path) -> list[dict]:
    """A project with all kinds of files in it; the paint after each of its strokes."""
    folder, record, dice = ProjectFolder.create(path), Record(), np.random.default_rng(0)
    pixels = dice.integers(0, 255, (2, 300, 280), np.uint8)
    source = Source("cells", pixels.shape, "uint8", file=File("/data/cells.tif", 5, "00"),
                    copy=sources.copy_in(path, "images/1-0.npy", pixels))  # fmt: skip
    classes = (LabelClass("background", "#56b4e9"), LabelClass("cell", "#e69f00"))
    progress = Progress(step=20, held_out=0.9, scores=((10, 0.8), (20, 0.9)))
    folder.save(Manifest(classes=classes, images=(ImageEntry(1, (source,)),), progress=progress))
    planes, states = np.zeros(pixels.shape, np.uint8), [{}]
    for number in range(30):
        z, y, x = number % 2, *dice.integers(0, 250, 2)
        planes[z, y : y + 40, x : x + 30] = dice.integers(0, 3)
        planes[z, y + 2, x + 3] = 2
        plane = 1, (int(z),)
        paint = Annotations.of(planes[z], record.work.paint(plane))
        changes = record.painted(plane, paint) + record.reclassed(classes)
        folder.append([record.taken(changes, float(number))])
        states.append(paint_of(record))
        if number + 1 == SAVED:
            folder.snapshot(SAVED, record.work.planes, classes)
    folder.close()
    return states


def paint_of(record: Record) -> dict:
    """The paint, in blocks: a hostile plane can be far larger than its paint."""
    return {
        plane: [(b.y, b.x, b.values.tobytes()) for b in paint.blocks if b.values.any()]
        for plane, paint in record.work.planes.items()
        if paint.counts.any()
    }


# -- mutations ----------------------------------------------------------------------------


def scratch(data: bytes, dice: np.random.Generator) -> bytes:
    """Damage as disks, copies and editors make it."""
    if not data:
        return bytes(dice.integers(0, 256, 9, np.uint8))
    out, at = bytearray(data), int(dice.integers(len(data)))
    size = int(dice.integers(1, 200))
    match int(dice.integers(7)):
        case 0:
            for _ in range(int(dice.integers(1, 6))):
                out[int(dice.integers(len(out)))] = int(dice.integers(256))
        case 1:
            return data[:at]
        case 2:
            out[at : at + size] = bytes(size)
        case 3:
            del out[at : at + size]
        case 4:
            out[at:at] = out[at : at + size]
        case 5:
            out[at:at] = dice.integers(0, 256, size, np.uint8).tobytes()
        case _:
            return data[:at] + bytes(len(data) - at)
    return bytes(out)


def poison(value, dice: np.random.Generator):
    """The same with one value somewhere in it replaced by a hostile one, or taken away."""
    if isinstance(value, dict) and value and dice.random() < 0.9:
        key = list(value)[int(dice.integers(len(value)))]
        if dice.random() < 0.1:
            return {k: v for k, v in value.items() if k != key}
        return {**value, key: poison(value[key], dice)}
    if isinstance(value, list) and value and dice.random() < 0.9:
        at = int(dice.integers(len(value)))
        return [*value[:at], poison(value[at], dice), *value[at + 1 :]]
    if isinstance(value, bytes) and dice.random() < 0.7:
        return scratch(value, dice)
    return HOSTILE[int(dice.integers(len(HOSTILE)))]


def poisoned_json(data: bytes, dice: np.random.Generator) -> bytes:
    value = poison(json.loads(data), dice)
    return json.dumps({**value, "checksum": ""} if isinstance(value, dict) else value).encode()


def poisoned_frames(data: bytes, dice: np.random.Generator) -> bytes:
    bodies = bodies_of(data)
    at = int(dice.integers(len(bodies)))
    try:
        bodies[at] = msgspec.msgpack.encode(poison(msgspec.msgpack.decode(bodies[at]), dice))
    except (OverflowError, msgspec.MsgspecError):
        bodies[at] = scratch(bodies[at], dice)
    return data[: len(log.MAGIC)] + b"".join(map(frames.frame, bodies))


def resized(data: bytes, dice: np.random.Generator) -> bytes:
    """A snapshot that is whole, but of a plane of another size than the log's."""
    bodies = bodies_of(data)
    at = int(dice.integers(1, len(bodies)))
    plane = msgspec.msgpack.decode(bodies[at])
    plane["shape"] = dice.integers(256, 3000, 2).tolist()
    plane["blocks"] = [block for block in plane["blocks"] if block[:2] == [0, 0]]
    bodies[at] = msgspec.msgpack.encode(plane)
    return data[: len(log.MAGIC)] + b"".join(map(frames.frame, bodies))


def bodies_of(data: bytes) -> list[bytes]:
    stream = BytesIO(data)
    stream.seek(len(log.MAGIC))
    return [body for body, _ in frames.whole_frames(stream)]


def shortened(path: Path, dice: np.random.Generator) -> str:
    """Let the snapshot be needed or not: all of the log is there, or less than it knows, or none.

    What is there has paint on the same planes, so that both must fit.
    """
    with path.open("rb") as file:
        file.seek(len(log.MAGIC))
        ends = [end for _, end in frames.whole_frames(file)]
    match int(dice.integers(4)):
        case 0:
            return "whole"
        case 1:
            path.unlink()
            return "gone"
        case 2:
            os.truncate(path, ends[int(dice.integers(SAVED - 1))])
            return "shorter"
        case _:
            os.truncate(path, ends[int(dice.integers(SAVED - 1))] + int(dice.integers(1, 9)))
            return "cut off"


def mutate(path: Path, dice: np.random.Generator) -> str:
    """Change one file of a project; what was done."""
    manifest, backup = path / "project.json", path / "project.backup.json"
    match int(dice.integers(6)):
        case 0:
            data = poisoned_json(manifest.read_bytes(), dice)
            manifest.write_bytes(data)
            backup.write_bytes(data)
            return "hostile manifest"
        case 1:
            file = path / "strokes.log"
            file.write_bytes(poisoned_frames(file.read_bytes(), dice))
            return "hostile log"
        case 2:
            file = path / "snapshot.bin"
            harm = resized if dice.random() < 0.2 else poisoned_frames
            file.write_bytes(harm(file.read_bytes(), dice))
            return f"hostile snapshot, log {shortened(path / 'strokes.log', dice)}"
        case 3:
            file = path / "images/1-0.npy"
            file.write_bytes(scratch(file.read_bytes()[:128], dice) + file.read_bytes()[128:])
            found = msgspec.structs.replace(sources.fingerprint(file), path="images/1-0.npy")
            plain = {**json.loads(manifest.read_bytes()), "checksum": ""}
            plain["images"][0]["layers"][0]["copy"] = msgspec.to_builtins(found)
            manifest.write_bytes(json.dumps(plain).encode())
            return "hostile image"
        case _:
            files = sorted(p for p in path.rglob("*") if p.is_file() and p.name != "lock")
            file = files[int(dice.integers(len(files)))]
            file.write_bytes(scratch(file.read_bytes(), dice))
            if file == manifest and dice.random() < 0.3:
                backup.unlink()
            return "damaged file"


# -- what becomes of them -------------------------------------------------------------------


def open_one(path: Path, states: list[dict], *, honest: bool) -> str:
    """How opening a mutant ends."""
    try:
        opened = open_project(path)
    except ProjectError as error:
        return "refused with a sentence" if len(str(error)) > 20 else "refused without a sentence"
    opened.folder.close()
    for image in opened.manifest.images:
        for source in image.layers:
            if source.copy is not None:
                try:
                    np.asarray(sources.copied(path, source)).max()
                except ProjectError:
                    continue
    state = paint_of(opened.record)
    if honest and state not in states:
        return "WRONG PAINT"
    if opened.told:
        return "opened, told what was recovered"
    if honest and state != states[-1]:
        return "WRONG PAINT, NOT TOLD"
    return "opened"


def guarded(path: Path, states: list[dict], *, honest: bool) -> str:
    """`open_one`, held to its limits of time."""
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        return open_one(path, states, honest=honest)
    except TimeoutError:
        return "HANG"
    except MemoryError:
        return "MEMORY"
    except Exception:  # noqa: BLE001 - this is what is counted
        traceback.print_exc()
        return "CRASH"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def limit() -> None:
    """Hold this process to its limits of memory and of what it may do."""
    used = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_DATA, (used + BYTES, used + BYTES))

    def late(*_: object) -> None:
        raise TimeoutError

    def watch(event: str, values: tuple) -> None:
        if event in FORBIDDEN:
            os.write(2, f"FORBIDDEN: {event} {values}\n".encode())
            os._exit(9)

    signal.signal(signal.SIGALRM, late)
    sys.addaudithook(watch)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--where", type=Path, help="folder for the mutants; one in memory is fast")
    arguments = parser.parse_args()
    where = Path(tempfile.mkdtemp(prefix="napari-unet-mutate-", dir=arguments.where))
    states = make(where / "whole")
    guarded(where / "whole", states, honest=True)  # so that all modules are there
    limit()
    outcomes: Counter[tuple[str, str]] = Counter()
    for seed in range(arguments.seed, arguments.seed + arguments.count):
        path = where / "mutant"
        shutil.copytree(where / "whole", path)
        kind = mutate(path, np.random.default_rng(seed))
        outcome = guarded(path, states, honest=kind in ("damaged file", "hostile image"))
        outcomes[kind, outcome] += 1
        if outcome.isupper():
            print(f"seed {seed}: {kind}: {outcome}")
        shutil.rmtree(path)
    shutil.rmtree(where)
    for (kind, outcome), count in sorted(outcomes.items()):
        print(f"{count:6d}  {kind}: {outcome}")
    if any("WRONG" in o or o.isupper() or "without" in o for _, o in outcomes):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
