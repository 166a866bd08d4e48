#!/usr/bin/env bash
# Run all tests in the environment of scripts/env.sh: C++ ones where they were built, then pytest.
# Those without nodes run side by side, those with nodes one after the other: they need the machine.
# Usage: scripts/test.sh [pytest arguments but -m]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Robot code must not be slowed by BLAS threads fighting for few cores.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
mkdir -p build/test
NOTHING_CHOSEN=5  # exit code of pytest

for suite in build/*/CTestTestfile.cmake; do
  grep -qs '^add_test' "$suite" || continue
  ctest --test-dir "$(dirname "$suite")" --output-on-failure --no-tests=error
done

run() { # name, arguments: the exit code of pytest, in the variable `code`
  local name=$1
  shift
  code=0
  python -m pytest --junit-xml="build/test/$name.xml" "$@" || code=$?
}

run core -m "not ros" --numprocesses 2 --dist loadfile "$@"
core=$code
run ros -m ros "$@"
ros=$code
((core == NOTHING_CHOSEN)) && core=$ros
((ros == NOTHING_CHOSEN)) && ros=$core
exit $((core ? core : ros))
