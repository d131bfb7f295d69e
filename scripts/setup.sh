#!/usr/bin/env bash
# Makes .venv with everything that the demo and the tests need. Safe to run again: what is
# there already is kept. Needs Python 3.11 or newer; on Debian and Ubuntu, missing system
# libraries are installed (as root or with sudo), elsewhere they are named.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

find_python() {
  local name
  for name in python3 python3.13 python3.12 python3.11 python3.14 python; do
    if command -v "$name" >/dev/null &&
      "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$name"
      return
    fi
  done
  echo "Python 3.11 or newer is needed, but none was found: install it, then try again." >&2
  return 1
}

# What a napari window needs on Linux: OpenGL, fonts, X11; and Xvfb where there is no display.
PACKAGES=(
  libegl1 libgl1 libglib2.0-0 libfontconfig1 libdbus-1-3 libxkbcommon0
  xvfb xauth libxcb-cursor0 libxkbcommon-x11-0 libxcb-icccm4 libxcb-keysyms1
  libxcb-shape0 libxcb-xkb1 libxcb-image0 libxcb-render-util0
)

# Some tests start an ssh server of their own. Where systemd runs, the package would start one for
# everybody, so there it is not installed and those tests are skipped
[ -d /run/systemd/system ] || PACKAGES+=(openssh-client openssh-server)

is_installed() {
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing_packages() {
  local package
  for package in "${PACKAGES[@]}"; do
    # newer releases renamed some, as in libglib2.0-0t64
    is_installed "$package" || is_installed "${package}t64" || echo "$package"
  done
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

install_libraries() {
  [ "$(uname -s)" = Linux ] || return 0
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "If napari's window does not open, install what these Debian packages hold:" >&2
    echo "  ${PACKAGES[*]}" >&2
    return 0
  fi
  local missing
  mapfile -t missing < <(missing_packages)
  [ "${#missing[@]}" -gt 0 ] || return 0
  if [ "$(id -u)" -ne 0 ] && ! sudo -n true 2>/dev/null && [ ! -t 0 ]; then
    echo "Some system libraries are missing; install them, then try again:" >&2
    echo "  sudo apt-get install ${missing[*]}" >&2
    return 1
  fi
  echo "Installing system libraries: ${missing[*]}" >&2
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
}

# Debian packs `venv` apart from Python
ensure_venv() {
  "$1" -c 'import ensurepip, venv' 2>/dev/null && return
  local package
  package="python$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
  if command -v apt-get >/dev/null && { [ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null; }; then
    as_root apt-get update -qq
    as_root apt-get install -qq -y --no-install-recommends "$package" >/dev/null
  else
    echo "Python's venv module is missing; install it (on Debian: $package)." >&2
    return 1
  fi
}

install_python_packages() {
  local python stamp=.venv/.set-up
  if [ ! -x .venv/bin/python ]; then
    python=$(find_python)
    ensure_venv "$python"
    "$python" -m venv .venv
  fi
  if [ -e "$stamp" ] && [ "$stamp" -nt pyproject.toml ] && [ "$stamp" -nt constraints.txt ]; then
    return
  fi
  echo "Installing Python packages into .venv (the first time this takes some minutes) …" >&2
  # --group came with pip 25.1
  .venv/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
  .venv/bin/python -m pip install --quiet -c constraints.txt \
    -e '.[napari,formats,bioimageio,cluster]' --group dev
  touch "$stamp"
}

install_libraries
install_python_packages
