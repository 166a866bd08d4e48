#!/usr/bin/env bash
# Run all tests in the environment of scripts/env.sh: C++ ones where they were built, then pytest,
# two files at a time.
# Usage: scripts/test.sh [pytest arguments]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Robot code must not be slowed by BLAS threads fighting for few cores.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
mkdir -p build/test

for suite in build/*/CTestTestfile.cmake; do
  grep -qs '^add_test' "$suite" || continue
  ctest --test-dir "$(dirname "$suite")" --output-on-failure --no-tests=error
done

python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder \
  --junit-xml=build/test/pytest.xml "$@"
