#!/usr/bin/env bash
# Evaluate the shipped checkpoint with demonstrations only on connectors drawn at random.
# Usage: scripts/evaluate_drawn.sh [WORK]   about 12 minutes on 2 cores; writes docs/results/drawn/
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(realpath -m "${1:-$root/data/drawn}")
set +u; . "$root/scripts/env.sh"; set -u

[ -e "$work/connectors" ] || oda connectors draw --seed 7 --count 35 --output "$work/connectors"
"$root/scripts/evaluate_shown.sh" "$root/docs/results/drawn" "$work/shown" "$work"/connectors/*.yaml
