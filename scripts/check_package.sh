#!/usr/bin/env bash
# Exports both kinds of package of a small model, and has `bioimageio test` judge them. As
# bioimageio.core wants older libraries than we do, all of it runs in an environment of its own.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python=${PYTHON:-python3}

"$python" -m venv "$work/env"
if [ -d "$work/env/bin" ]; then bin=$work/env/bin; else bin=$work/env/Scripts; fi
"$bin/python" -m pip install --quiet --upgrade pip
"$bin/python" -m pip install --quiet "$root[bioimageio]" "torch==$(sed -n 's/^torch==//p' constraints.txt)"
# these versions go together; 0.11.0 fails with the newest of both
"$bin/python" -m pip install --quiet "bioimageio.core==0.11.0" "xarray<2024.11" "pydantic<2.12"
cd "$work" # so that nothing is found in the source
"$bin/napari-unet" demo --headless --seconds 1
model=$(ls napari-unet-demo/*.safetensors)
for kind in whole tiles; do
  "$bin/napari-unet" export "$model" --out "$kind.zip" --for "$kind" --author "A Test"
  "$bin/bioimageio" test "$kind.zip"
done
