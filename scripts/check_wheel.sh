#!/usr/bin/env bash
# Builds the wheel, looks into it, installs it alone in a clean environment and runs the demo
# there. With --window also napari is installed, and the demo's window has to show a prediction.
# How long each step took is told; it depends on the network line and pip's cache.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python=${PYTHON:-.venv/bin/python}
[ -x .venv/bin/python ] || python=${PYTHON:-python3}

step() { printf '%s  %4d s  %s\n' "$(basename "$0")" "$SECONDS" "$1" >&2; }

"$python" -m pip wheel --quiet --no-deps --wheel-dir "$work" .
wheel=$(echo "$work"/*.whl)
"$python" scripts/wheel_contents.py "$wheel"
step "the wheel is built and holds what it should"

SECONDS=0
"$python" -m venv "$work/clean"
if [ -d "$work/clean/bin" ]; then bin=$work/clean/bin; else bin=$work/clean/Scripts; fi
"$bin/python" -m pip install --quiet -c constraints.txt "$wheel"
step "installed, from the start of pip, without Qt"
cd "$work" # so that nothing is found in the source
"$bin/python" - <<'PYTHON'
import sys
from importlib.util import find_spec

import napari_unet.cli

assert "torch" not in sys.modules, "importing the package loads torch"
there = [name for name in ("napari", "qtpy", "PySide6", "PyQt6", "pytest") if find_spec(name)]
assert not there, there
PYTHON
"$bin/napari-unet" demo --headless --seconds 1 --json
step "first prediction, from the start of pip, in the terminal"
[ "${1:-}" = --window ] || exit 0

SECONDS=0
"$bin/python" -m pip install --quiet -c "$root/constraints.txt" "$wheel[napari]"
step "napari is added"
screen=()
if [ "$(uname -s)" = Linux ] && [ -z "${DISPLAY:-}" ]; then
  screen=(xvfb-run -a -s "-screen 0 1600x1000x24")
fi
export NAPARI_CONFIG=$work/napari/settings.yaml NAPARI_UNET_DATA=$work/data
${screen[@]+"${screen[@]}"} "$bin/python" "$root/scripts/demo_window.py"
step "first prediction in the window, from the start of pip (torch was there already)"
