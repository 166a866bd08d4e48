# shellcheck shell=bash
# Numbered steps with stamps, logs and progress; sourced by setup.sh.
# Reads ROOT, STAMPS and LOGS. A step is done when its stamp holds its key.

PLAN=() # names of the steps of this run, in order
STARTED=$SECONDS
RAN=0

say() { printf '%s\n' "$*" >&2; }

fail() {
  say "setup: error: $1"
  shift
  (($# == 0)) || printf '  %s\n' "$@" >&2
  exit 1
}

hash_of() { # of the argument, or of standard input
  if (($#)); then printf '%s' "$1"; else cat; fi | sha256sum | cut -c1-16
}

plan() { PLAN=("$@"); }

# Only one set-up at a time; a second one waits for the first.
lock_setup() {
  command -v flock >/dev/null || return 0
  exec 9>"$1"
  flock --nonblock 9 && return
  say "setup: another set-up is running here; waiting for it"
  flock 9
}

stamp_of() { # the workspace's stamp goes when install/ goes
  if [[ $1 == workspace ]]; then echo "$ROOT/install/.stamp"; else echo "$STAMPS/$1"; fi
}

# step NAME KEY LABEL COMMAND...: run COMMAND unless it succeeded before with the same KEY.
step() {
  local name=$1 key=$2 label=$3 stamp
  shift 3
  [[ " ${PLAN[*]} " == *" $name "* ]] || return 0
  # A step that changes .venv and did not finish leaves it in doubt: it is made anew.
  if [[ $name == venv && -e $STAMPS/unfinished ]]; then
    say "setup: the last set-up did not finish ($(cat "$STAMPS/unfinished")); .venv is made anew"
    rm -rf "$STAMPS"
  fi
  stamp=$(stamp_of "$name")
  [[ ! -e $stamp || $(cat "$stamp") != "$key" ]] || return 0
  [[ $name == workspace || ! -d $STAMPS ]] || echo "$name" >"$STAMPS/unfinished"
  LOG_NAME=$name run_step "[$(index_of "$name")/${#PLAN[@]}] $label" "$@"
  echo "$key" >"$stamp.new"
  mv "$stamp.new" "$stamp"
  rm -f "$STAMPS/unfinished"
  RAN=$((RAN + 1))
}

index_of() {
  local i
  for i in "${!PLAN[@]}"; do
    [[ ${PLAN[i]} != "$1" ]] || echo $((i + 1))
  done
}

# run_step LABEL COMMAND...: output goes to a log; its end is shown where the command fails.
run_step() {
  local label=$1 start=$SECONDS log code ticker=
  shift
  log=$LOGS/${LOG_NAME:-system}.log
  mkdir -p "$LOGS"
  if [[ -t 2 ]]; then
    tick "$label" "$start" &
    ticker=$!
  else
    say "setup: $label ..."
  fi
  set +e # and not `if (...)`, which would switch off -e inside
  (
    set -e
    exec 9>&- </dev/null
    "$@"
  ) >"$log" 2>&1
  code=$?
  set -e
  if [[ -n $ticker ]]; then
    kill "$ticker" 2>/dev/null || true
    wait "$ticker" 2>/dev/null || true
    printf '\r\033[K' >&2
  fi
  if ((code != 0)); then
    tail -n 25 "$log" >&2
    fail "$label failed (exit code $code). The end of its log is above; all of it: $log" \
      "Once the cause is removed, run the same command again: it continues from here."
  fi
  say "setup: $label: done in $((SECONDS - start)) s"
}

tick() {
  trap 'exit 0' TERM INT
  while kill -0 $$ 2>/dev/null; do
    printf '\rsetup: %s ... %d s ' "$1" $((SECONDS - $2)) >&2
    sleep 1
  done
}

finish() {
  ((RAN == 0)) || say "setup: ready after $((SECONDS - STARTED)) s"
}
