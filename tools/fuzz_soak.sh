#!/bin/bash
# Runs each fuzz target for some time, one after the other, and writes down what came of it.
#   tools/fuzz_soak.sh SECONDS [TARGET...]
# Wants `cmake --preset fuzz && cmake --build build/fuzz --target precis_fuzz`. Inputs that grow lie in build/fuzz/corpora/TARGET and
# begin with fuzz/corpus/TARGET; findings in build/fuzz/findings/TARGET. A line per target goes to fuzz/LEDGER.tsv: date, commit,
# target, seconds, executions, covered edges, findings. PRECIS_FUZZ_SEEDS=FOLDER adds seeds of FOLDER/TARGET;
# PRECIS_FUZZ_MINIMIZE=1 writes the smallest corpus that covers the same back to fuzz/corpus/TARGET.
set -u
cd "$(dirname "$0")/.." || exit 2
seconds=${1:?usage: tools/fuzz_soak.sh SECONDS [TARGET...]}
shift
program=build/fuzz/fuzz/precis_fuzz
[ -x "$program" ] || { echo "fuzz_soak: $program is missing; build it with: cmake --preset fuzz && cmake --build build/fuzz --target precis_fuzz" >&2; exit 2; }
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
  mapfile -t targets < <("$program" --target= 2>&1 | sed -n 's/^  \([a-z_]*\) .*/\1/p')
fi
ledger=fuzz/LEDGER.tsv
commit=$(git rev-parse --short HEAD)
export ASAN_OPTIONS=allocator_may_return_null=0:detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 OMP_NUM_THREADS=1

longest_input() { case $1 in model | quantize | wire_scan) echo 8192 ;; *) echo 4096 ;; esac; }

soak() {
  local target=$1 corpus=build/fuzz/corpora/$1 findings=build/fuzz/findings/$1 log=build/fuzz/$1.log
  local seeds=()
  mkdir -p "$corpus" "$findings"
  for folder in "fuzz/corpus/$target" "${PRECIS_FUZZ_SEEDS:-/nonexistent}/$target"; do
    [ -d "$folder" ] && seeds+=("$folder")
  done
  local before
  before=$(find "$findings" -type f | wc -l)
  # -fork=1: a finding ends one child, not the run.
  nice -n "${PRECIS_FUZZ_NICE:-19}" "$program" --target="$target" -fork=1 -ignore_crashes=1 -ignore_timeouts=1 -ignore_ooms=1 -timeout=10 \
    -rss_limit_mb=2048 -max_len="$(longest_input "$target")" -max_total_time="$seconds" -artifact_prefix="$findings/" \
    "$corpus" "${seeds[@]}" >"$log" 2>&1
  local executions edges found
  executions=$(grep -o '^#[0-9]*: cov' "$log" | tail -1 | tr -dc 0-9)
  edges=$(grep -o 'cov: [0-9]*' "$log" | tail -1 | tr -dc 0-9)
  found=$(($(find "$findings" -type f | wc -l) - before))
  printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$(date -u +%F)" "$commit" "$target" "$seconds" "${executions:-0}" "${edges:-0}" "$found" >>"$ledger"
  tail -n 1 "$ledger"
}

minimize() {
  local target=$1 small
  small=$(mktemp -d)
  "$program" --target="$target" -merge=1 -max_len="$(longest_input "$target")" -timeout=10 "$small" "build/fuzz/corpora/$target" \
    >"build/fuzz/$target.merge.log" 2>&1
  mkdir -p "fuzz/corpus/$target"
  cp -n "$small"/* "fuzz/corpus/$target/" 2>/dev/null
  rm -r "$small"
}

for target in "${targets[@]}"; do
  soak "$target"
  [ "${PRECIS_FUZZ_MINIMIZE:-0}" = 1 ] && minimize "$target"
done
exit 0
