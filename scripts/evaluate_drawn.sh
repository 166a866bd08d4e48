#!/usr/bin/env bash
# Evaluate the shipped checkpoint with demonstrations only on connectors drawn at random.
# Usage: scripts/evaluate_drawn.sh [WORK]   about 12 minutes on 2 cores; writes docs/results/drawn/
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(realpath -m "${1:-$root/data/drawn}")
set +u; . "$root/scripts/env.sh"; set -u
results=$root/docs/results/drawn
mkdir -p "$results"

[ -e "$work/connectors" ] || oda connectors draw --seed 7 --count 35 --output "$work/connectors"
oda collect --connectors "$work"/connectors/*.yaml --source operator --episodes 1 --trials 0 \
  --seed 1 --output "$work/shown"
for connector in "$work"/connectors/*.yaml; do
  name=$(basename "$connector" .yaml)
  shown=(--connector "$connector" --demos "$work/shown/$name/demos" --trials 100 --seed 0)
  oda evaluate "${shown[@]}" --output "$results/$name.json"
done
