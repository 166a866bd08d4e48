# shellcheck shell=bash
# Source this file, from bash or zsh, to work with the product: . scripts/env.sh
# It brings ROS 2 Jazzy, the virtual environment, the workspace and the `oda` command.

# shellcheck disable=SC2296 # the second expansion is zsh's name for this file
_oda_root=$(cd "$(dirname "${BASH_SOURCE[0]:-${(%):-%x}}")/.." && pwd)
_oda_shell=${ZSH_VERSION:+zsh}
_oda_shell=${_oda_shell:-bash}
if [ ! -e "$_oda_root/.venv/setup.$_oda_shell" ] || [ ! -e "$_oda_root/install/.stamp" ]; then
  echo "scripts/env.sh: the set-up is missing or incomplete; run: make -C $_oda_root setup" >&2
  unset _oda_root _oda_shell
  return 1
fi
_oda_flags=$-
set +u # setup files of ROS and colcon read variables that may be unset
# shellcheck source=/dev/null
. "$_oda_root/.venv/setup.$_oda_shell"
# shellcheck source=/dev/null
. "$_oda_root/install/local_setup.$_oda_shell"
case $_oda_flags in *u*) set -u ;; esac
case ":$PATH:" in
  *":$_oda_root/install/lib/oda_bringup:"*) ;;
  *) export PATH="$PATH:$_oda_root/install/lib/oda_bringup" ;; # the `oda` command
esac
export COLCON_DEFAULTS_FILE="$_oda_root/scripts/colcon.yaml"
# ROS 2 stays on this host unless asked otherwise.
export ROS_AUTOMATIC_DISCOVERY_RANGE="${ROS_AUTOMATIC_DISCOVERY_RANGE:-LOCALHOST}"
unset _oda_root _oda_shell _oda_flags
