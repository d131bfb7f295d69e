"""Fills the reference pages with tables made from the code, when mkdocs builds them.

A page asks for a part with a comment of its own line, for example `<!-- made: settings -->`.
mkdocs.yml names this file as a hook.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import re
from pathlib import Path
from typing import Any, get_args, get_type_hints

import napari_unet
from napari_unet.cli.parser import build_parser
from napari_unet.core.header import Header, Shape
from napari_unet.core.objects_settings import ObjectSettings
from napari_unet.core.project.changes import LabelClass
from napari_unet.core.project.folder import ProjectFolder
from napari_unet.core.project.manifest import File, ImageEntry, Manifest, Place, Progress, Source
from napari_unet.core.settings import Knob, Settings, declared, knobs

ROOT = Path(__file__).resolve().parents[1]
SOURCE = Path(napari_unet.__file__).parents[1]
_MARK = re.compile(r"^<!-- made: ([a-z ]+) -->$", re.MULTILINE)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """What mkdocs calls for each page."""
    return filled(markdown)


def filled(markdown: str) -> str:
    """A page with its marks replaced; a mark that is not known is a KeyError."""
    return _MARK.sub(lambda mark: PARTS[mark[1]](), markdown)


def settings() -> str:
    """All settings of training, group by group."""
    parts = []
    for group in Settings.__struct_fields__:
        about = getattr(Settings(), group).__doc__.splitlines()[0]
        rows = [_row(knob) for knob in knobs() if knob.group == group]
        parts.append(f"## {group.capitalize()}\n\n{about}\n\n{_knob_table(rows)}")
    return "\n\n".join(parts)


def object_settings() -> str:
    """The settings of objects."""
    return _knob_table([_row(knob) for knob in declared(ObjectSettings())])


def commands() -> str:
    """The command line's own help, command by command."""
    (commands,) = (
        action.choices
        for action in build_parser()._actions  # noqa: SLF001 - argparse has no public way
        if isinstance(action, argparse._SubParsersAction)  # noqa: SLF001
    )
    parts = []
    for name, parser in commands.items():
        parser.formatter_class = _Wide
        parts.append(f"## {name}\n\n```text\n{parser.format_help().strip()}\n```")
    return "\n\n".join(parts)


def api() -> str:
    """The public names of the package."""
    homes = napari_unet._HOMES  # noqa: SLF001 - where the lazily loaded names are at home
    return "\n\n".join(f"::: {homes[name]}.{name}" for name in napari_unet.__all__ if name in homes)


def settings_api() -> str:
    """The types that hold settings, and how to change one."""
    return "\n\n".join(f"::: napari_unet.core.settings.{name}" for name in ("Settings", "changed"))


def model_header() -> str:
    """What the header of a model file holds."""
    return f"{_struct(Header)}\n\n`shape` holds:\n\n{_struct(Shape)}"


def project_folder() -> str:
    """The files of a project, as the module that writes them says."""
    import sys

    text = sys.modules[ProjectFolder.__module__].__doc__ or ""
    lines = text.split("::")[1].strip("\n").splitlines()
    return "```text\n" + "\n".join(line.strip() for line in lines) + "\n```"


def project_manifest() -> str:
    """What project.json holds."""
    kinds = (Manifest, LabelClass, ImageEntry, Source, File, Place, Progress)
    return "\n\n".join(
        f"### {kind.__name__}\n\n{kind.__doc__.splitlines()[0]}\n\n{_struct(kind)}"
        for kind in kinds
    )


def modules() -> str:
    """Every module, by its folder, with the first line of what it says of itself."""
    rows: dict[str, list[tuple[str, str]]] = {}
    for path in sorted(Path(napari_unet.__file__).parent.rglob("*.py")):
        folder = path.parent.relative_to(SOURCE).as_posix()
        about = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        if path.stem not in {"__init__", "__main__"}:
            rows.setdefault(folder, []).append((f"`{path.stem}`", about.splitlines()[0]))
    return "\n\n".join(
        f"## {folder}\n\n{_table(('Module', 'What it does'), found)}"
        for folder, found in rows.items()
    )


def changes() -> str:
    """The changelog, without its title."""
    return _without_title(ROOT / "CHANGELOG.md")


def contributing() -> str:
    """The guide for contributors, without its title."""
    return _without_title(ROOT / "CONTRIBUTING.md").replace("docs/design.md", "design.md")


PARTS = {
    part.__name__.replace("_", " "): part
    for part in (
        settings, object_settings, commands, api, settings_api, model_header, project_folder,
        project_manifest, modules, changes, contributing,
    )
}  # fmt: skip


class _Wide(argparse.HelpFormatter):
    """As wide as a page, wherever it is built."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=34, width=96)


def _row(knob: Knob) -> tuple[str, str, str, str, str]:
    no = "no-" if knob.kind is bool and knob.default else ""
    default = {True: "on", False: "off"}.get(knob.default) if knob.kind is bool else knob.default
    unit = f" {knob.unit}" if knob.unit else ""
    if knob.choices:
        allowed = ", ".join(f"`{choice}`" for choice in knob.choices)
    elif knob.kind is bool:
        allowed = "on, off"
    else:
        allowed = f"{_number(knob.low)} … {_number(knob.high)}{unit}"
    flag = f"`--{no}{knob.name.replace('_', '-')}`"
    return knob.label, flag, f"{_number(default)}{unit}", allowed, knob.tip


def _number(value: Any) -> str:
    if isinstance(value, str):
        return value
    return f"{value:g}" if isinstance(value, float) else f"{value:,}"


def _knob_table(rows: list[tuple[str, ...]]) -> str:
    return _table(("Setting", "Flag", "Default", "Allowed", "What it does"), rows)


def _struct(kind: Any) -> str:
    hints = get_type_hints(kind, include_extras=False)
    said = attributes(kind)
    rows = [(f"`{name}`", f"`{_type(hints[name])}`", said[name]) for name in kind.__struct_fields__]
    return _table(("Field", "Type", "What it is"), rows)


def attributes(kind: Any) -> dict[str, str]:
    """What the section *Attributes* of a docstring says of each name, without the last dot."""
    _, _, section = inspect.getdoc(kind).partition("Attributes\n----------\n")
    said: dict[str, str] = {}
    names: list[str] = []
    for line in section.splitlines():
        if entry := re.match(r"(\w+(?:, \w+)*) : (.+)", line):
            names = entry[1].split(", ")
            said |= dict.fromkeys(names, entry[2])
        elif line.startswith("    "):
            said |= {name: f"{said[name]} {line.strip()}" for name in names}
        else:
            break  # the next section
    return {name: text.removesuffix(".") for name, text in said.items()}


def _type(hint: Any) -> str:
    if not get_args(hint):
        return "null" if hint is type(None) else getattr(hint, "__name__", str(hint))
    text = re.sub(r"\b(?:[a-z_]+\.)+", "", str(hint))
    return text.replace("NoneType", "None").replace("|", "or")


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _without_title(path: Path) -> str:
    return path.read_text(encoding="utf-8").split("\n", 1)[1]
