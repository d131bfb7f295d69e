"""What the package imports is declared, so that it is there where only the wheel was installed."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
EXTRA_OF = {"widgets": "gui", "package": "bioimageio"}  # folders that need one
HOMES = packages_distributions()


def plain(name):
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", name)[0]).lower()


def names(requirements):
    return {plain(requirement) for requirement in requirements}


def imported(path):
    """Packages of others that a module imports, and whether at once (not in a function)."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    late = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        or (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        found = []
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found = [node.module]
        for name in found:
            top = name.split(".")[0]
            if top not in sys.stdlib_module_names and top != "napari_unet":
                yield top, id(node) not in late


@pytest.mark.parametrize(
    "path", sorted((ROOT / "src").rglob("*.py")), ids=lambda path: f"{path.parent.name}/{path.stem}"
)
def test_imports_are_declared(path):
    base = names(PROJECT["dependencies"])
    of_its_own = {part: extra for part, extra in EXTRA_OF.items() if part in path.parts}
    at_hand = base.union(*(names(EXTRAS.get(extra, [])) for extra in of_its_own.values()))
    everything = base.union(*(names(extra) for extra in EXTRAS.values()))
    for top, at_once in imported(path):
        homes = {plain(home) for home in HOMES.get(top, [])}
        homes = homes or {name for name in everything if name.startswith(plain(top))}
        assert homes & (at_hand if at_once else everything), (
            f"{top} ({', '.join(homes)}) is imported but not declared in pyproject.toml"
        )
