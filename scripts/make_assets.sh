#!/usr/bin/env bash
# Make the shipped checkpoint and demonstrations: collect, convert, meta-train, demonstrate.
# Usage: scripts/make_assets.sh [WORK]   about 35 minutes on 2 cores; every stage goes on where it was cut off
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(realpath -m "${1:-$root/data}")
set +u; . "$root/scripts/env.sh"; set -u
assets=$root/src/oda_bringup/assets

oda collect --source operator --variations 6 --demos 20 --episodes 100 --trials 0 --seed 0 \
  --output "$work/bags"
oda convert "$work/bags" --output "$work/buffers"
if [ ! -f "$work/checkpoint.safetensors" ]; then
  resume=()
  [ ! -f "$work/checkpoint.safetensors.state" ] || resume=(--resume)
  oda meta-train --buffers "$work/buffers" --output "$work/checkpoint.safetensors" "${resume[@]}" \
    --updates 10000 --tasks 8 --batch 64 --context 64 --save-every 1000 --agent.critics 2 \
    --agent.actor-rate 5e-4 --agent.critic-rate 5e-4 --agent.encoder-rate 5e-4
fi
install -D -m 644 "$work/checkpoint.safetensors" "$assets/checkpoint.safetensors"
for connector in metal-peg-sq uk-ac-plug; do
  [ -d "$work/demos/$connector/bag" ] ||
    oda demo --connector "$connector" --episodes 20 --seed 0 --output "$work/demos/$connector"
  rm -rf "$assets/demos/$connector"
  mkdir -p "$assets/demos"
  cp -r "$work/demos/$connector/bag" "$assets/demos/$connector"
done
