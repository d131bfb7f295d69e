"""The reference is made from the code, so nothing is missing in it."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import msgspec
import pytest

import napari_unet
from napari_unet.core.header import Header
from napari_unet.core.objects_settings import ObjectSettings
from napari_unet.core.settings import declared, knobs

ROOT = Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location(
    "docs_reference", ROOT / "scripts" / "docs_reference.py"
)
reference = importlib.util.module_from_spec(spec)
spec.loader.exec_module(reference)


def page(name):
    return reference.filled((ROOT / "docs" / "reference" / name).read_text(encoding="utf-8"))


def test_every_setting_is_in_the_table():
    text = page("settings.md")
    for knob in [*knobs(), *declared(ObjectSettings())]:
        row = rf"^\| {re.escape(knob.label)} \| `--(no-)?{knob.name.replace('_', '-')}` \|"
        assert re.search(row, text, re.MULTILINE), knob


def test_tables_are_as_wide_as_their_heads():
    for name in ("settings.md", "model-file.md", "project.md"):
        rows = [line.count("|") for line in page(name).splitlines() if line.startswith("| ")]
        assert set(rows) <= {4, 6}


def test_every_field_in_the_tables_says_what_it_is():
    for name, least in (("model-file.md", 19), ("project.md", 40)):
        rows = re.findall(r"^\| (`\w+`) \| (.*) \| (.*) \|$", page(name), re.MULTILINE)
        assert len(rows) >= least
        assert [cells for cells in rows if not all(cell.strip() for cell in cells)] == []


def test_attributes_may_be_told_together_and_on_several_lines():
    class Told:
        """Something.

        Attributes
        ----------
        one, two : a number
            of many.
        three : another.

        Notes
        -----
        four : none
        """

    assert reference.attributes(Told) == {
        "one": "a number of many", "two": "a number of many", "three": "another",
    }  # fmt: skip


def test_every_command_is_described():
    text = page("command-line.md")
    for command in ("demo", "train", "segment", "evaluate", "info", "export"):
        assert f"## {command}\n" in text
        assert f"usage: napari-unet {command}" in text


def test_every_public_name_is_described():
    text = page("api.md")
    for name in napari_unet.__all__:
        assert name.startswith("__") or f".{name}\n" in text


def test_every_field_of_a_models_header_is_described():
    text = page("model-file.md")
    for field in msgspec.structs.fields(Header):
        assert f"| `{field.name}` |" in text


def test_every_module_is_in_the_table_and_says_what_it_does():
    text = page("modules.md")
    for path in (ROOT / "src" / "napari_unet").rglob("*.py"):
        if path.stem not in {"__init__", "__main__"}:
            assert re.search(rf"^\| `{path.stem}` \| \S.{{10,}} \|$", text, re.MULTILINE), path


def test_an_unknown_mark_is_an_error():
    with pytest.raises(KeyError):
        reference.filled("<!-- made: nonsense -->")


def test_no_page_asks_for_what_is_not_there():
    for path in (ROOT / "docs").rglob("*.md"):
        assert "<!-- made" not in reference.filled(path.read_text(encoding="utf-8"))


def test_the_citation_names_this_version():
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {napari_unet.__version__}\n" in text
