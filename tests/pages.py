"""The code blocks of the documentation."""

from __future__ import annotations

import re
import shlex
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])
# also those in lists, which are indented, and those that do not say their language
FENCE = re.compile(
    r"^(?P<indent> *)(?P<mark><!-- run -->\n(?P=indent))?```(?P<language>[^\n]*)\n"
    r"(?P<code>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """A fenced block; `run` says that it is marked to be run."""

    language: str
    code: str
    run: bool


def found(text):
    """All blocks of a page, in its order."""
    return [
        Block(match["language"].strip(), textwrap.dedent(match["code"]), bool(match["mark"]))
        for match in FENCE.finditer(text)
    ]


def blocks(page, language):
    return [b for b in found(page.read_text(encoding="utf-8")) if b.language == language]


def with_blocks(language, *, marked=False):
    """The pages that have such blocks, as parameters of a test."""
    for page in PAGES:
        if any(block.run or not marked for block in blocks(page, language)):
            yield pytest.param(page, id=page.relative_to(ROOT).as_posix())


def commands(code):
    """The calls of our command in a shell script; what it pipes or writes to is left out."""
    joined = code.replace("\\\n", " ")
    for line in joined.splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["napari-unet"]:
            end = next((n for n, w in enumerate(words) if w in {"|", ">", "&&", ";"}), len(words))
            yield words[1:end]
