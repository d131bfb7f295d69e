"""Look into a wheel: all of the package and nothing else, and not too large.

python scripts/wheel_contents.py dist/napari_unet_live-0.1.0-py3-none-any.whl
"""

from __future__ import annotations

import argparse
import sys
import zipfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1] / "src"
NEEDED = {"napari.yaml", "py.typed", "weights/compact.safetensors", "weights/README.md"}
ABOUT = {"METADATA", "entry_points.txt", "licenses/LICENSE"}
LARGEST = 20_000_000  # bytes; a plugin should not take long to download


def problems(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        about = {name.split("/", 1)[1] for name in archive.namelist() if ".dist-info/" in name}
    wanted = {
        path.relative_to(SOURCE).as_posix()
        for path in (SOURCE / "napari_unet").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    wanted |= {f"napari_unet/{name}" for name in NEEDED}
    size = wheel.stat().st_size
    return [
        *(f"missing: {name}" for name in sorted(wanted - names)),
        *(f"does not belong there: {name}" for name in sorted(names - wanted)),
        *(f"missing: {name}" for name in sorted(ABOUT - about)),
        *([f"{size / 1e6:.1f} MB are too much"] if size > LARGEST else []),
    ]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("wheel", type=Path)
    wheel = options.parse_args().wheel
    found = problems(wheel)
    if found:
        sys.exit("\n".join(found))
    print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
