#!/usr/bin/env bash
# Evaluate the shipped checkpoint on the test and challenge connectors with demonstrations only.
# Usage: scripts/evaluate_shipped.sh [WORK]   about 3 minutes on 2 cores; writes docs/results/shipped/
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(realpath -m "${1:-$root/data/shown}")
set +u; . "$root/scripts/env.sh"; set -u
results=$root/docs/results/shipped
mkdir -p "$results"

connectors=(us-ac-plug nema14-30p metal-peg-rec metal-peg-rd uk-ac-plug car-plug-4p metal-peg-sq
  car-plug-3p eu-ac-plug ram-288 network-card-18 complex-shape)
oda collect --connectors "${connectors[@]}" --source operator --episodes 1 --trials 0 --seed 1 \
  --output "$work"
for connector in "${connectors[@]}"; do
  shown=(--connector "$connector" --demos "$work/$connector/demos" --trials 100 --seed 0)
  oda evaluate "${shown[@]}" --output "$results/$connector.json"
done
