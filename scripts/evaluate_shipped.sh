#!/usr/bin/env bash
# Evaluate the shipped checkpoint with demonstrations only: the test and challenge connectors, and
# the drawings of docs/results/unseen, which no part of the project was made with.
# Usage: scripts/evaluate_shipped.sh [WORK]   about 6 minutes on 2 cores; writes docs/results/shipped/
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(realpath -m "${1:-$root/data/shown}")
set +u; . "$root/scripts/env.sh"; set -u
results=$root/docs/results/shipped
mkdir -p "$results"

connectors=(us-ac-plug nema14-30p metal-peg-rec metal-peg-rd uk-ac-plug car-plug-4p metal-peg-sq
  car-plug-3p eu-ac-plug ram-288 network-card-18 complex-shape "$root"/docs/results/unseen/*.yaml)
oda collect --connectors "${connectors[@]}" --source operator --episodes 1 --trials 0 --seed 1 \
  --output "$work"
for connector in "${connectors[@]}"; do
  name=$(basename "$connector" .yaml)
  shown=(--connector "$connector" --demos "$work/$name/demos" --trials 100 --seed 0)
  oda evaluate "${shown[@]}" --output "$results/$name.json"
done
