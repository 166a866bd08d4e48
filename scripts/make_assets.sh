#!/usr/bin/env bash
# Make the shipped checkpoint and demonstrations: collect, convert, meta-train, demonstrate.
# Usage: scripts/make_assets.sh [WORK]   about 70 minutes on 2 cores; every stage goes on where it was cut off
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(realpath -m "${1:-$root/data}")
set +u; . "$root/scripts/env.sh"; set -u
assets=$root/src/oda_bringup/assets

oda collect --seed 0 --output "$work/bags"
oda convert "$work/bags" --output "$work/buffers"
if [ ! -f "$work/checkpoint.safetensors" ]; then
  resume=()
  [ ! -f "$work/checkpoint.safetensors.state" ] || resume=(--resume)
  oda meta-train --buffers "$work/buffers" --output "$work/checkpoint.safetensors" "${resume[@]}"
fi
install -D -m 644 "$work/checkpoint.safetensors" "$assets/checkpoint.safetensors"
for connector in metal-peg-sq uk-ac-plug; do
  [ -d "$work/demos/$connector/bag" ] ||
    oda demo --connector "$connector" --episodes 20 --seed 0 --output "$work/demos/$connector"
  rm -rf "$assets/demos/$connector"
  mkdir -p "$assets/demos"
  cp -r "$work/demos/$connector/bag" "$assets/demos/$connector"
done
