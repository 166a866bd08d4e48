#!/usr/bin/env bash
# Give demonstrations with a scripted space mouse, mishaps included, and adapt the shipped policy to
# them. The mouse's messages are those of the spacenav node; all behind them is what a person uses.
#
# Usage: . scripts/env.sh; scripts/prove_teleop.sh [CONNECTOR [DEMONSTRATIONS [TRIALS]]]
set -euo pipefail

connector=${1:-metal-peg-sq} demos=${2:-20} trials=${3:-100}
out=runs/prove-teleop-$connector
mishaps='none, discard, failure, unplug, silence'

rm -rf "$out"
oda teleop --device scripted --connector "$connector" --demos "$demos" --mishaps "$mishaps" \
  --output "$out/demos"
oda adapt --connector "$connector" --demos "$out/demos/bag" --trials "$trials" \
  --output "$out/adapted"
