#!/usr/bin/env bash
# Makes the virtual environment from the locks. Does nothing when nothing changed.
#
#   local/setup.sh            the whole set-up (make setup)
#   local/setup.sh system     system packages only (.ci/run, before make is known to be there)
#   local/setup.sh containers what real containers need (make image-check, .ci/run); root and apt-get only
#   local/setup.sh browser    the browser that tries the live view's page (.ci/run); root and apt-get only
#   local/setup.sh python313  the second environment, .venv313; exit 3 and a reason when there is no python3.13
#   local/setup.sh infra      .venv-infra and .venv-checkov: tools whose pins fit no other environment (make infra-check)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

LOCK=local/requirements.txt

say() { printf 'setup: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# Prints the Debian packages that are missing, one a line.
missing_packages() {
  command -v curl >/dev/null || echo curl
  command -v make >/dev/null || echo make
  command -v python3 >/dev/null || echo python3
  # Debian ships the venv module without what it needs to put pip into a new environment.
  [ -x .venv/bin/python ] || python3 -c 'import venv, ensurepip' 2>/dev/null || echo python3-venv
}

# The same for real containers: an engine and its network, a base image's maker, the shell's test runner.
missing_container_packages() {
  command -v podman >/dev/null || printf '%s\n' podman netavark aardvark-dns slirp4netns catatonit
  command -v runc >/dev/null || echo runc
  command -v mmdebstrap >/dev/null || echo mmdebstrap
  command -v nft >/dev/null || echo nftables
  command -v iptables >/dev/null || echo iptables
  command -v bats >/dev/null || echo bats
}

# The same for tests in a browser: the system's own, and a font, without which a page has no width.
missing_browser_packages() {
  command -v chromium >/dev/null || echo chromium
  [ -e /usr/share/fonts/opentype/inter/Inter-Regular.otf ] || echo fonts-inter
}

# install_packages LISTING: LISTING is the function above that prints what is missing.
install_packages() {
  local packages
  mapfile -t packages < <("$1")
  [ ${#packages[@]} -gt 0 ] || return 0
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    if ! sudo -n true 2>/dev/null; then
      die "missing: ${packages[*]}. Install them (Debian: sudo apt-get install ${packages[*]}), then run this again."
    fi
    as_root=(sudo -n)
  fi
  command -v apt-get >/dev/null || die "missing: ${packages[*]}. Install them with this system's package tool."
  say "installing with apt-get: ${packages[*]}"
  "${as_root[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${packages[@]}" >&2
}

# fingerprint LOCK: what an environment is made from. No Python is asked: this runs before every make target.
fingerprint() {
  { cat local/setup.sh local/bootstrap.txt "$1"; echo "$PWD ${PYTHON:-} ${PYTHON313:-}"; } | sha256sum | cut -d' ' -f1
}

# is_current DIRECTORY LOCK
is_current() {
  [ -x "$1/bin/python" ] && [ "$(cat "$1/.slipway-setup" 2>/dev/null)" = "$(fingerprint "$2")" ]
}

# make_environment DIRECTORY LOCK PYTHON
make_environment() {
  local directory=$1 lock=$2 python=$3
  say "making $directory from $lock with $("$python" -V)"
  # A half-made environment, or one of another interpreter, is made anew; ours is kept and brought up to date.
  if ! "$directory/bin/python" -m pip --version >/dev/null 2>&1 ||
    [ "$("$directory/bin/python" -V)" != "$("$python" -V)" ]; then
    "$python" -m venv --clear "$directory"
  fi
  local pip=("$directory/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes)
  "${pip[@]}" -r local/bootstrap.txt
  # The system's certificates, where there are any: a company's proxy is known to them, not to uv.
  local certificates=()
  [ ! -e /etc/ssl/certs/ca-certificates.crt ] || certificates=(--system-certs)
  if ! "$directory/bin/python" -m uv pip install --quiet --no-config "${certificates[@]}" \
    --python "$directory/bin/python" --require-hashes -r "$lock"; then
    say "uv failed; trying pip, which knows pip.conf but takes longer"
    "${pip[@]}" -r "$lock"
  fi
  [ "$lock" != "$LOCK" ] || write_command "$directory"
  fingerprint "$lock" >"$directory/.slipway-setup"
}

# The command is two lines instead of an editable install: no build backend, and nothing to fetch for it.
write_command() {
  local site_packages
  site_packages=$("$1/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  printf '%s\n' "$PWD" "$PWD/layers/core/python" >"$site_packages/slipway.pth"
  # -P: a folder called `local` where the command is typed must not be taken for ours.
  # shellcheck disable=SC2016 # expanded when the command runs
  printf '%s\n' '#!/bin/sh' 'exec "$(dirname "$(readlink -f "$0")")/python" -P -m local.slipway_cli "$@"' \
    >"$1/bin/slipway"
  chmod +x "$1/bin/slipway"
}

is_version() { "$1" -c "import sys; sys.exit(sys.version_info[:2] != ($2))" 2>/dev/null; }

# Python 3.11 by name first: it is the oldest that Slipway promises to run on.
find_python() {
  local candidate
  for candidate in "${PYTHON:-}" python3.11 python3 python3.12 python3.13; do
    [ -n "$candidate" ] || continue
    "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
    "$candidate" -c 'import sys; print(sys.executable)'
    return 0
  done
  die "no Python 3.11 or newer found. Install python3, or name one: make setup PYTHON=/path/to/python3.11"
}

# A version manager's shim on the PATH can exist and refuse to run, so each candidate is asked.
find_python313() {
  local candidate
  for candidate in "${PYTHON313:-}" python3.13 "${PYENV_ROOT:-${HOME:-}/.pyenv}"/versions/3.13.*/bin/python3.13; do
    [ -n "$candidate" ] || continue
    is_version "$candidate" "3, 13" || continue
    "$candidate" -c 'import sys; print(sys.executable)'
    return 0
  done
  return 1
}

case "${1:-all}" in
  system) install_packages missing_packages ;;
  containers) install_packages missing_container_packages ;;
  browser) install_packages missing_browser_packages ;;
  all)
    install_packages missing_packages
    if is_current .venv "$LOCK"; then exit 0; fi
    python=$(find_python)
    make_environment .venv "$LOCK" "$python"
    say "the slipway command is .venv/bin/slipway"
    ;;
  python313)
    if is_current .venv313 "$LOCK"; then exit 0; fi
    if ! python=$(find_python313); then
      say "no python3.13 on the PATH; name one with PYTHON313=/path/to/python3.13"
      exit 3
    fi
    make_environment .venv313 "$LOCK" "$python"
    ;;
  infra)
    for tool in infra:requirements checkov:checkov; do
      directory=.venv-${tool%:*} lock=local/infra_check/${tool#*:}.txt
      if is_current "$directory" "$lock"; then continue; fi
      python=$(find_python)
      make_environment "$directory" "$lock" "$python"
    done
    ;;
  *) die "unknown part '$1': all, system, containers, browser, python313 or infra" ;;
esac
