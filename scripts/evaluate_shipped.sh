#!/usr/bin/env bash
# Evaluate the shipped checkpoint with demonstrations only: the test and challenge connectors, and
# the drawings of docs/results/unseen, which no part of the project was made with.
# Usage: scripts/evaluate_shipped.sh [WORK]   about 6 minutes on 2 cores; writes docs/results/shipped/
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(realpath -m "${1:-$root/data/shown}")

"$root/scripts/evaluate_shown.sh" "$root/docs/results/shipped" "$work" \
  us-ac-plug nema14-30p metal-peg-rec metal-peg-rd uk-ac-plug car-plug-4p metal-peg-sq \
  car-plug-3p eu-ac-plug ram-288 network-card-18 complex-shape "$root"/docs/results/unseen/*.yaml
