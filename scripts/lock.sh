#!/usr/bin/env bash
# Resolve requirements/*.in into requirements/*.txt: every package exactly pinned, for Python 3.10
# to 3.12 on Linux, the same version wherever two files name it. Needs uv.
# Usage: scripts/lock.sh [--upgrade]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../requirements"

layers=(run ros build test lint)
constraints=()
for layer in "${layers[@]}"; do
  # Left out: what other platforms need, and empy, whose version belongs to ROS (ros.in, or apt).
  skip=(colorama coloredlogs humanfriendly pyreadline3)
  [ "$layer" = ros ] || skip+=(empy)
  uv pip compile "$layer.in" --output-file "$layer.txt" "${constraints[@]}" "$@" --quiet \
    --universal --python-version 3.10 --no-python-downloads --no-header \
    --custom-compile-command 'scripts/lock.sh' \
    "${skip[@]/#/--no-emit-package=}"
  sed -i "1i # Locked by scripts/lock.sh from $layer.in: edit that file, not this one." "$layer.txt"
  constraints+=(--constraint "$layer.txt")
done
