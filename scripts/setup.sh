#!/usr/bin/env bash
# Set up what a target needs: system packages, .venv with ROS 2 Jazzy and the pinned libraries, and
# the workspace. Steps that are up to date are skipped; an interrupted one is done anew.
#
# Usage: scripts/setup.sh adapt|test|lint|all
#   PYTHON=python3.11   the interpreter to build .venv with (3.10 to 3.12)
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
ROOT=$PWD
VENV=$ROOT/.venv
STAMPS=$VENV/.stamps
LOGS=$VENV/log
ROS_PREFIX=/opt/ros/jazzy
PATH=$PATH:/usr/sbin:/sbin # of ldconfig, where an account has none of root's folders
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
# shellcheck source=scripts/steps.sh
. scripts/steps.sh

# --- where ROS 2 comes from: a sourced installation, else the wheels -------------------------------

choose_ros() {
  local sourced=:${AMENT_PREFIX_PATH:-}:
  if [[ $sourced == *:"$ROS_PREFIX":* && ${ROS_DISTRO:-} == jazzy ]]; then
    ROS=system
  elif [[ $sourced == *:/opt/ros/* ]]; then
    fail "ROS 2 ${ROS_DISTRO:-of an unknown version} is sourced; this project needs Jazzy." \
      "Source $ROS_PREFIX/setup.bash instead, or use a shell with no ROS: its wheels are installed then."
  elif [[ -e $STAMPS/ros.system && -e $ROS_PREFIX/setup.bash ]]; then
    ROS=system # as chosen when .venv was made
  else
    ROS=wheels
    [[ $(uname -m) == x86_64 ]] ||
      fail "ROS 2 wheels exist for x86_64 only, this is $(uname -m)." \
        "Install ROS 2 Jazzy, source $ROS_PREFIX/setup.bash and run this again."
  fi
}

# --- Python and system packages --------------------------------------------------------------------

in_range() { "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null; }

# Sets PYTHON to the path of an interpreter; leaves it empty where none is found.
choose_python() {
  local name names=(python3.12 python3.11 python3.10 python3)
  if [[ -n ${PYTHON:-} ]]; then
    in_range "$PYTHON" || fail "PYTHON=$PYTHON does not run, or is not 3.10, 3.11 or 3.12."
    names=("$PYTHON")
  elif [[ $ROS == system ]]; then
    names=(/usr/bin/python3) # the one that rclpy was built for
  elif [[ -e $STAMPS/ros.wheels && -e $STAMPS/python ]]; then
    names=("$(cat "$STAMPS/python")" "${names[@]}") # as chosen when .venv was made
  fi
  PYTHON=
  for name in "${names[@]}"; do
    if in_range "$name"; then
      PYTHON=$("$name" -c 'import sys; print(sys.executable)')
      return
    fi
  done
}

# Prints the Debian packages that are missing, one a line.
missing_packages() {
  local version
  if [[ -z $PYTHON ]]; then
    printf '%s\n' python3 python3-venv python3-dev
  elif [[ $PYTHON == /usr/bin/* ]]; then
    version=$("$PYTHON" -c 'import sys; print("python3.%d" % sys.version_info[1])')
    "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || echo "$version-venv"
    has_headers || echo "$version-dev"
  fi
  [[ $TARGET == lint ]] && return
  command -v g++ >/dev/null || echo g++
  command -v cmake >/dev/null || echo cmake
  command -v make >/dev/null || echo make
  [[ $ROS == wheels ]] || missing_ros_packages
  [[ $TARGET != adapt && $EUID == 0 ]] || return 0
  missing_picture_packages
  missing_law_packages
  missing_device_packages
}

# The driver of space mice is tested against Debian's client library; it does not need it itself.
missing_device_packages() {
  local libraries
  libraries=$(ldconfig -p)
  [[ $libraries == *libspnav.so.0* ]] || echo libspnav0
}

# Pictures from the simulation need OpenGL without a display; all else works without them.
missing_picture_packages() {
  local libraries
  libraries=$(ldconfig -p)
  [[ $libraries == *libEGL.so.1* ]] || echo libegl1
  [[ $libraries == *libOpenGL.so.0* || $libraries == *libGL.so.1* ]] || echo libopengl0
  [[ -n $(compgen -G '/usr/lib/*/dri/*_dri.so') ]] || echo libgl1-mesa-dri
}

# The robot's control law and its tests; all else works without them, and those tests are skipped.
missing_law_packages() {
  has_eigen || echo libeigen3-dev
  [[ -e /usr/include/gtest/gtest.h ]] || echo libgtest-dev
}

has_eigen() { [[ -d /usr/include/eigen3 ]]; }

has_headers() {
  local include
  include=$("$PYTHON" -c 'import sysconfig; print(sysconfig.get_paths()["include"])')
  [[ $TARGET == lint || -e $include/Python.h ]]
}

missing_ros_packages() {
  local name
  for name in ament_cmake rclpy rosidl_default_generators common_interfaces; do
    [[ -d $ROS_PREFIX/share/$name ]] || echo "ros-jazzy-${name//_/-}"
  done
}

ensure_system() {
  local packages
  mapfile -t packages < <(missing_packages)
  if ((${#packages[@]})); then
    if [[ $EUID != 0 ]] || ! command -v apt-get >/dev/null; then
      fail "System packages are missing: ${packages[*]}." \
        "Install them and run this again:" \
        "  sudo apt-get update && sudo apt-get install -y ${packages[*]}"
    fi
    run_step "system packages: ${packages[*]}" install_packages "${packages[@]}"
    choose_python
  fi
  [[ -n $PYTHON ]] || fail "No Python 3.10, 3.11 or 3.12 was found." \
    "Install one and name it: make ... PYTHON=/path/to/python3.12"
  has_headers || fail "The C headers of $PYTHON are missing (Python.h)." \
    "Install them, or name another Python: make ... PYTHON=/usr/bin/python3"
}

install_packages() {
  apt-get update
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
}

# --- the virtual environment -----------------------------------------------------------------------

make_venv() {
  local options=()
  [[ $ROS == wheels ]] || options=(--system-site-packages)
  rm -rf "${VENV:?}"/{bin,etc,include,lib,lib64,share,tools,pyvenv.cfg} "$STAMPS"
  "$PYTHON" -m venv "${options[@]}" "$VENV"
  mkdir -p "$STAMPS"
  touch "$STAMPS/ros.$ROS"
  echo "$PYTHON" >"$STAMPS/python"
  pip_install --no-deps "$(grep '^setuptools==' requirements/run.txt)" # builds what has no wheel
}

pip_install() {
  "$VENV/bin/python" -m pip install --no-compile --progress-bar off "$@"
}

# The lock files name every package, so nothing is left to resolve; of them only empy is a source
# package, built with the setuptools that is installed already.
install_locked() {
  pip_install --no-deps --no-build-isolation --use-pep517 --only-binary=:all: --no-binary=empy -r "$1"
}

install_ros() {
  [[ $ROS == system ]] || install_locked requirements/ros.txt
  "$VENV/bin/python" scripts/underlay.py "$VENV" "$ROS" "$ROS_PREFIX"
}

# A check that the libraries load, which also compiles them once and not in each of the first nodes.
first_imports() {
  set +u
  # shellcheck source=/dev/null
  . "$VENV/setup.bash"
  "$VENV/bin/python" -c 'import gymnasium, h5py, matplotlib.pyplot, mcap, minari, mujoco, rclpy
import rosbags.highlevel, safetensors.torch, torch.utils.tensorboard, tyro'
}

install_torch() { pip_install -r requirements/torch.txt -c requirements/run.txt; }

# --- the workspace ---------------------------------------------------------------------------------

# What a rebuild depends on: the content of interfaces, C++ and build files, the names of the rest
# (Python, launch and data files are linked into install/, so that their edits need no rebuild).
workspace_key() {
  local found
  found=$(find src -name '.*' -prune -o -name __pycache__ -prune -o -name '*.egg-info' -prune -o \
    -type f -print | LC_ALL=C sort)
  echo "$found"
  ! has_eigen || echo eigen # the control law is built
  echo "$found" | grep -E '(\.(msg|srv|action|cpp|hpp|c|h|in|cmake)|_parameters\.yaml|CMakeLists\.txt|package\.xml|setup\.(py|cfg)|colcon\.pkg)$' |
    tr '\n' '\0' | xargs -0 --no-run-if-empty cat
}

build_workspace() {
  local code=0
  # Products of another environment, or of a build that was killed, are not trusted.
  if [[ $(cat build/.made_with 2>/dev/null) != "$ENVIRONMENT" || -e build/.killed ]]; then
    rm -rf build install
    mkdir -p build
    echo "$ENVIRONMENT" >build/.made_with
  fi
  set +u # setup files of ROS read variables that may be unset
  # shellcheck source=/dev/null
  . "$VENV/setup.bash"
  set -u
  touch build/.killed
  COLCON_DEFAULTS_FILE=$ROOT/scripts/colcon.yaml MAKEFLAGS=-j$(nproc) \
    colcon --log-base build/log build --base-paths src \
    --event-handlers console_cohesion+ console_direct- parallel_status- \
    --cmake-args "-DPython3_EXECUTABLE=$VENV/bin/python" -DBUILD_TESTING=OFF || code=$?
  rm build/.killed
  return "$code"
}

# --- main ------------------------------------------------------------------------------------------

main() {
  TARGET=${1:-all}
  local python_version
  lock_setup "$ROOT/.setup.lock"
  choose_ros
  [[ $ROS == system ]] || unset AMENT_PREFIX_PATH CMAKE_PREFIX_PATH COLCON_PREFIX_PATH PYTHONPATH
  choose_python
  case $TARGET in
    adapt) plan venv run torch ros imports build workspace ;;
    test) plan venv run torch ros imports build test workspace ;;
    lint) plan venv run torch test lint ;;
    all) plan venv run torch ros imports build test lint workspace ;;
    *) fail "Unknown target '$TARGET'; expected adapt, test, lint or all." ;;
  esac
  ensure_system
  python_version=$("$PYTHON" -c 'import sys; print(sys.version, sys.base_prefix)')
  ENVIRONMENT=$(hash_of "$ROS $python_version $ROOT")

  step venv "$ENVIRONMENT" "virtual environment ($(basename "$PYTHON"))" make_venv
  step run "$(hash_of <requirements/run.txt)" "libraries" install_locked requirements/run.txt
  step torch "$(hash_of <requirements/torch.txt)" "PyTorch" install_torch
  step ros "$(cat requirements/ros.txt scripts/underlay.py | hash_of)" "ROS 2 Jazzy ($ROS)" install_ros
  step imports "$(cat requirements/{run,torch,ros}.txt | hash_of)" "first imports" first_imports
  step build "$(hash_of <requirements/build.txt)" "build tools" install_locked requirements/build.txt
  step test "$(hash_of <requirements/test.txt)" "test tools" install_locked requirements/test.txt
  step lint "$(hash_of <requirements/lint.txt)" "lint tools" install_locked requirements/lint.txt
  step workspace "$( (echo "$ENVIRONMENT" && cat scripts/colcon.yaml && workspace_key) | hash_of)" \
    "workspace (colcon build)" build_workspace
  finish
}

main "$@"
