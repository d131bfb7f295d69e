#!/usr/bin/env bash
# Sets everything up and opens napari on a real image with the panel; without a display it runs
# the same loop in the terminal. What follows is handed on: `bash scripts/demo.sh --headless`.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bash "$here/setup.sh"
exec "$here/../.venv/bin/napari-unet" demo "$@"
