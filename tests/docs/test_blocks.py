"""What the documentation shows can be typed: Python compiles and runs, commands are understood."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

from napari_unet.cli.parser import build_parser
from napari_unet.core import device
from napari_unet.core.model import bundled
from pages import PAGES, ROOT, blocks, commands, found, with_blocks
from slurm import without_queue

BASH = None if sys.platform == "win32" else shutil.which("bash")
# nothing but the first answer
QUICK = {"seconds=60": "seconds=0.01", "anisotropy=2.5": "anisotropy=2.5, seconds=0.01"}


def test_there_are_pages_with_blocks():
    assert list(with_blocks("bash"))
    assert list(with_blocks("python", marked=True))


def test_blocks_are_found_wherever_they_stand():
    page = (
        "```\na\n```\n1. list\n\n    <!-- run -->\n    ```python\n    if b:\n        c\n    ```\n"
    )
    assert [(b.language, b.code, b.run) for b in found(page)] == [
        ("", "a\n", False),
        ("python", "if b:\n    c\n", True),
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_each_block_says_its_language(page):
    text = page.read_text(encoding="utf-8")
    assert "" not in {block.language for block in found(text)}
    assert text.count("```") == 2 * len(found(text))  # none is missed


@pytest.mark.parametrize("page", with_blocks("python"))
def test_python_compiles(page):
    for block in blocks(page, "python"):
        compile(block.code, str(page), "exec")


@pytest.mark.parametrize("page", with_blocks("bash"))
def test_our_commands_are_understood(page):
    for block in blocks(page, "bash"):
        for words in commands(block.code):
            if not {"--help", "--version"} & set(words):
                build_parser().parse_args(words)  # or it ends with SystemExit


@pytest.mark.skipif(BASH is None, reason="no bash here")
@pytest.mark.parametrize("page", with_blocks("bash"))
def test_shell_can_read_it(page):
    for block in blocks(page, "bash"):
        done = subprocess.run([BASH, "-n"], input=block.code, text=True, capture_output=True)
        assert not done.stderr


def given():
    """What pages take for granted: a reader has images and strokes."""
    image = np.random.default_rng(0).integers(0, 90, (64, 72), np.uint8)
    image[20:40, 20:40] += 120
    strokes = np.zeros_like(image)
    strokes[4:7, 5:60], strokes[28:31, 22:38] = 1, 2
    on_some_slices = np.zeros((2, 200, 200), np.uint8)
    on_some_slices[0, 20:24, 20:180], on_some_slices[0, 110:140, 120:124] = 1, 2
    return {
        "image": image,
        "other_image": image[::-1],
        "strokes": strokes,
        "strokes_on_some_slices": on_some_slices,
    }


@pytest.mark.parametrize("page", with_blocks("python"))
def test_python_runs(page, tmp_path, monkeypatch):
    """Block after block, as a reader would; a model lies there for pages that begin with one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(device, "cores", lambda: 1)  # other tests may run beside
    queued = any("dask_jobqueue" in block.code for block in blocks(page, "python"))
    _, started = without_queue(monkeypatch) if queued else ({}, [])
    bundled().save("cell.safetensors")
    names = given()
    for block in blocks(page, "python"):
        assert block.run  # the mark is a promise to whoever edits the page
        code = block.code
        for slow, quick in QUICK.items():
            code = code.replace(slow, quick)
        exec(compile(code, str(page), "exec"), names)  # noqa: S102 - our own pages
    for program, *words in started:
        assert program == "napari-unet"
        build_parser().parse_args(words)


@pytest.mark.parametrize("words", [["segment", "a.tif"], ["train", "--seconds", "0"], ["nonsense"]])
def test_a_wrong_command_would_be_found(words, capsys):
    with pytest.raises(SystemExit) as end:
        build_parser().parse_args(words)
    assert end.value.code == 2


GUIDES = [ROOT / "README.md", *(p for p in PAGES if p.parent.name in {"docs", "how-to"})]
LABEL = re.compile(r"\*\*((?:\+ )?[A-Z][^*.”]*)\*\*(?! \()")  # as in press **Train**
PROSE = {"benchmarks.md", "comparison.md", "design.md", "reliability.md"}


@pytest.mark.parametrize("page", [p for p in GUIDES if p.name not in PROSE], ids=lambda p: p.name)
def test_what_is_to_be_pressed_is_there(page):
    widgets = (ROOT / "src" / "napari_unet" / "widgets").glob("*.py")
    # without the marks of letters that are pressed with Alt
    source = "".join(path.read_text(encoding="utf-8") for path in widgets).replace("&", "")
    for label in LABEL.findall(page.read_text(encoding="utf-8")):
        # some are written in capitals only where they are shown
        assert f'"{label}' in source or f'"{label.lower()}"' in source, label
