#!/usr/bin/env bash
# Mutates crates and lists the mutants that no test kills: `tests/mutants.sh [CRATE[:PATH]...]`.
# Without arguments: grading, journal, agent-core and runner. With a path, as in `journal:agents/journal/src/tally.rs` or
# `grading:envs/grading/src/parsers/*.rs`, only the files that it matches. It takes hours, as each mutant is a build.
# MUTANTS_TESTS: packages whose tests are run, with commas; the crate's own unless it is set. The loop of agent-core and
# the stages of runner are tested by `tests,codeact`.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! cargo mutants --version >/dev/null 2>&1; then
  echo "error: cargo-mutants is not installed"
  echo "hint: cargo install cargo-mutants --locked"
  exit 2
fi >&2

# One crate changes at a time, in a copy of the tree: built step by step, and without what only a debugger reads.
export CARGO_INCREMENTAL=1 CARGO_PROFILE_DEV_DEBUG=0 CARGO_TERM_COLOR=never
[ $# -gt 0 ] || set -- grading journal agent-core runner
missed=()
printf '%-12s %8s %8s %8s %8s %8s\n' crate found killed missed timeout unviable
for what in "$@"; do
  crate=${what%%:*}
  out=.runs/mutants/$crate
  rm -rf "$out" && mkdir -p "$out"
  arguments=(--package "$crate" --output "$out" --jobs 1 --minimum-test-timeout 60 --colors never)
  [ "$what" = "$crate" ] || arguments+=(--file "${what#*:}")
  [ -z "${MUTANTS_TESTS:-}" ] || arguments+=(--test-package "$MUTANTS_TESTS")
  status=0
  # 2 says that some were missed, 3 that some ran into the time limit.
  nice -n 10 cargo mutants "${arguments[@]}" -- --tests >"$out/log" 2>&1 || status=$?
  if [ "$status" != 0 ] && [ "$status" != 2 ] && [ "$status" != 3 ]; then
    tail -n 20 "$out/log" >&2
    exit 1
  fi
  count() { wc -l <"$out/mutants.out/$1.txt"; }
  killed=$(count caught) lost=$(count missed) late=$(count timeout) unviable=$(count unviable)
  printf '%-12s %8d %8d %8d %8d %8d\n' "$crate" $((killed + lost + late + unviable)) "$killed" "$lost" "$late" "$unviable"
  mapfile -t -O "${#missed[@]}" missed <"$out/mutants.out/missed.txt"
done
[ "${#missed[@]}" = 0 ] || printf 'missed: %s\n' "${missed[@]}"
