"""What the documentation shows can be typed: Python compiles and runs, commands are understood."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from napari_unet.cli.parser import build_parser
from napari_unet.core import device
from napari_unet.core.model import bundled

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])
FENCE = re.compile(r"^(<!-- run -->\n)?```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BASH = None if sys.platform == "win32" else shutil.which("bash")
QUICK = {"seconds=60": "seconds=0.01"}  # nothing but the first answer


def blocks(page, language):
    found = FENCE.findall(page.read_text(encoding="utf-8"))
    return [(bool(mark), code) for mark, name, code in found if name == language]


def with_blocks(language, *, marked=False):
    for page in PAGES:
        if any(mark or not marked for mark, _ in blocks(page, language)):
            yield pytest.param(page, id=page.relative_to(ROOT).as_posix())


def commands(code):
    """The calls of our command in a shell script; what it pipes or writes to is left out."""
    joined = code.replace("\\\n", " ")
    for line in joined.splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["napari-unet"]:
            end = next((n for n, w in enumerate(words) if w in {"|", ">", "&&", ";"}), len(words))
            yield words[1:end]


def test_there_are_pages_with_blocks():
    assert list(with_blocks("bash"))
    assert list(with_blocks("python", marked=True))


@pytest.mark.parametrize("page", with_blocks("python"))
def test_python_compiles(page):
    for _, code in blocks(page, "python"):
        compile(code, str(page), "exec")


@pytest.mark.parametrize("page", with_blocks("bash"))
def test_our_commands_are_understood(page):
    for _, code in blocks(page, "bash"):
        for words in commands(code):
            if not {"--help", "--version"} & set(words):
                build_parser().parse_args(words)  # or it ends with SystemExit


@pytest.mark.skipif(BASH is None, reason="no bash here")
@pytest.mark.parametrize("page", with_blocks("bash"))
def test_shell_can_read_it(page):
    for _, code in blocks(page, "bash"):
        done = subprocess.run([BASH, "-n"], input=code, text=True, capture_output=True)
        assert not done.stderr


@pytest.mark.parametrize("page", with_blocks("python", marked=True))
def test_marked_python_runs(page, tmp_path, monkeypatch):
    """Block after block, as a reader would; a model lies there for pages that begin with one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(device, "cores", lambda: 1)  # other tests may run beside
    bundled().save("cell.safetensors")
    names = {}
    for marked, code in blocks(page, "python"):
        if marked:
            for slow, quick in QUICK.items():
                code = code.replace(slow, quick)
            exec(compile(code, str(page), "exec"), names)  # noqa: S102 - our own pages


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
