#!/usr/bin/env bash
# Sets everything up and runs the tests. What follows is handed on to pytest.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash scripts/setup.sh

# napari's settings of whoever runs this are neither read nor changed
NAPARI_CONFIG=$(mktemp -d)/settings.yaml
export NAPARI_CONFIG
# the tests open windows: where there is no display, or in CI, on a virtual one
screen=()
if [ "$(uname -s)" = Linux ] && { [ -z "${DISPLAY:-}" ] || [ -n "${CI:-}" ]; }; then
  screen=(xvfb-run -a -s "-screen 0 1600x1000x24")
fi
# all of them: two at a time
if [ "$#" -eq 0 ]; then set -- -n 2 --dist worksteal; fi
exec ${screen[@]+"${screen[@]}"} .venv/bin/python -m pytest "$@"
