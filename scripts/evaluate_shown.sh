#!/usr/bin/env bash
# Evaluate the shipped checkpoint with 20 demonstrations only, of connectors by name or YAML file.
# Usage: scripts/evaluate_shown.sh RESULTS WORK CONNECTOR...   writes RESULTS/CONNECTOR.json
set -euo pipefail
root=$(dirname "${BASH_SOURCE[0]}")/..
results=$1 work=$2
shift 2
set +u; . "$root/scripts/env.sh"; set -u
mkdir -p "$results"

oda collect --connectors "$@" --source operator --episodes 1 --trials 0 --seed 1 --output "$work"
for connector in "$@"; do
  name=$(basename "$connector" .yaml)
  shown=(--connector "$connector" --demos "$work/$name/demos" --trials 100 --seed 0)
  oda evaluate "${shown[@]}" --output "$results/$name.json"
done
