"""Pages outside the site link to what is there; mkdocs looks after those inside."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*ROOT.glob("*.md"), ROOT / "examples" / "README.md"]
LINK = re.compile(r"\]\(([^)#\s]+)(#[^)\s]*)?\)")
CODE = re.compile(r"`((?:docs|scripts|examples|tests|benchmarks|src|\.ci)/[\w./-]+)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_paths_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    near = [target for target, _ in LINK.findall(text) if "://" not in target]
    for target in near:
        assert (page.parent / target).exists(), target
    for path in CODE.findall(text):
        assert (ROOT / path).exists(), path


def test_pages_name_scripts_that_are_there():
    for page in (ROOT / "docs").rglob("*.md"):
        for path in CODE.findall(page.read_text(encoding="utf-8")):
            assert (ROOT / path).exists(), (page, path)


def test_each_idea_of_the_paper_names_the_modules_that_have_it():
    text = (ROOT / "docs" / "explanation" / "index.md").read_text(encoding="utf-8")
    table = text.partition("| Idea of the paper ")[2].partition("\n\n")[0]
    head, _, *rows = table.splitlines()
    assert head.endswith("| In the code |")
    assert len(rows) >= 12
    for row in rows:
        modules = re.findall(r"`([\w/]+)`", row.strip("|").rpartition("|")[2])
        assert modules, row
        for module in modules:
            assert (ROOT / "src" / "napari_unet" / f"{module}.py").exists(), module


def test_a_link_would_be_found():
    assert LINK.findall("a [b](docs/c.md#d), [e](https://f)") == [
        ("docs/c.md", "#d"),
        ("https://f", ""),
    ]


def test_each_picture_is_on_some_page():
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    text = "".join(page.read_text(encoding="utf-8") for page in pages)
    pictures = [path for path in (ROOT / "docs" / "images").rglob("*.*") if path.is_file()]
    assert len(pictures) > 40
    unused = [path.name for path in pictures if f"/{path.name}" not in text]
    assert not unused
