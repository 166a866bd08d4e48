#!/usr/bin/env bash
# Run every check, even after one fails, and name those that failed.
# Usage: scripts/lint.sh
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
PATH=$PWD/.venv/bin:$PATH

failed=()
check() { # check LABEL COMMAND...
  local label=$1
  shift
  printf 'lint: %s\n' "$label"
  "$@" || failed+=("$label")
}

check 'ruff: style, docstrings, layers' ruff check --quiet .
check 'ruff: format (make format fixes it)' ruff format --check --quiet --diff .
check 'pyright: types of the ROS-free packages' basedpyright --level error
check 'rooms: dependencies and sizes' python scripts/check_rooms.py
check 'shellcheck: scripts' shellcheck --external-sources scripts/*.sh docker/*.sh .ci/run
check 'hadolint: images' hadolint docker/Dockerfile

if ((${#failed[@]})); then
  printf 'lint: failed: %s\n' "${failed[@]}"
  exit 1
fi
printf 'lint: all checks passed\n'
