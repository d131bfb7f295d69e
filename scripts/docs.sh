#!/usr/bin/env bash
# Builds the documentation into site/; every warning is an error. What follows is handed on to
# mkdocs: `bash scripts/docs.sh serve` shows the pages while they are written.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash scripts/setup.sh
.venv/bin/python -m pip install --quiet -c constraints.txt --group docs
export NO_MKDOCS_2_WARNING=1  # a notice about the future of mkdocs, not about these pages
if [ "$#" -gt 0 ]; then
  exec .venv/bin/mkdocs "$@"
fi
exec .venv/bin/mkdocs build --strict
