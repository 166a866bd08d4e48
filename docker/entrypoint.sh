#!/usr/bin/env bash
# Run a command with ROS 2, the workspace and `oda`; `health` says whether a graph is to be seen.
set -eo pipefail

# shellcheck source=scripts/env.sh
. /opt/oda/scripts/env.sh
if [[ ${1:-} == health ]]; then
  python -m oda_bringup.probe 10 | grep -q '^/oda/'
else
  exec "$@"
fi
