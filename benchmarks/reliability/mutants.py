"""Breaks the handling of one fault after the other, and expects its test to notice.

    xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/reliability/mutants.py [WORD …]

`mutants.toml` says what is replaced where, and which test must fail then; a test must pass without
it, too. With words, only faults that have one of them in their name. Needs the packages of
`pip install --group test -e ".[napari,bioimageio]"`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = Path("src/napari_unet")
LONGEST = 600  # s that a test may take on a busy machine


def main(words: list[str]) -> None:
    mutants = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))["mutant"]
    chosen = [m for m in mutants if not words or any(word in m["fault"] for word in words)]
    survivors = []
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "src")
        shutil.copytree(ROOT / "src", copy)
        said = fails(sorted({m["test"] for m in chosen}), copy)
        if said is not None:
            sys.exit(f"Without a mutant a test fails already: {said}")
        for mutant in chosen:
            said = with_mutant(mutant, copy)
            print(f"{'SURVIVED' if said is None else 'caught':9}{mutant['fault']}", flush=True)
            print(f"         {mutant['test']}\n         {said or ''}", flush=True)
            survivors += [mutant["fault"]] * (said is None)
    print(f"{len(chosen)} mutants, {len(chosen) - len(survivors)} caught.")
    if survivors:
        sys.exit("\n".join(["Survived:", *survivors]))


def with_mutant(mutant: dict[str, str], copy: Path) -> str | None:
    """What the mutant's test says to it; None if it passes."""
    file = copy / PACKAGE.name / mutant["file"]
    text = file.read_text("utf-8")
    if text.count(mutant["old"]) != 1:
        sys.exit(f"{mutant['fault']}: this is not once in {mutant['file']}:\n{mutant['old']}")
    try:
        write(file, text.replace(mutant["old"], mutant["new"]))
        return fails([mutant["test"]], copy)
    finally:
        write(file, text)


def write(file: Path, text: str) -> None:
    """Also where the same length comes in the same second, which Python takes for unchanged."""
    file.write_text(text, "utf-8")
    for compiled in file.parent.glob(f"__pycache__/{file.stem}.*"):
        compiled.unlink()


def fails(tests: list[str], source: Path) -> str | None:
    """What the first of these tests that fails says, or None; anything else ends the program."""
    call = [sys.executable, "-m", "pytest", "-q", "-x", "--no-header", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*call, f"--timeout={LONGEST}", *(f"tests/{test}" for test in tests)],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(source)},
        capture_output=True, encoding="utf-8", errors="replace", check=False,
    )  # fmt: skip
    said = re.search(r"^FAILED .*::(.*)", done.stdout, re.MULTILINE)
    if "skipped" in done.stdout or done.returncode not in (0, 1) or (done.returncode and not said):
        sys.exit(f"{tests} could not be run:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return said[1] if said else None


if __name__ == "__main__":
    main(sys.argv[1:])
