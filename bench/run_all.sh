#!/usr/bin/env bash
# Everything that docs/results/ says, made anew: accuracy, simplified models, agreement with other runtimes, quantizers, speed. `make bench` calls it.
# Wants an otherwise idle machine for the times. Options are passed on to the comparisons: --quick (prints the pages, writes none),
# --resume (goes on after an interruption).
set -euo pipefail
root="$(cd "$(dirname "$0")/.." && pwd)"
cd "$root"
cmake --preset release -DPRECIS_BENCH=ON >/dev/null
cmake --build build/release -j "$(nproc)" --target precis_program bench_session seed_weights
bench/light_models.sh

again=()  # a run in full also takes the costs of the other quantizer anew
if [ $# -eq 0 ]; then
  again=(--again)
  mkdir -p build/bench/results
  bench/accuracy.sh >build/bench/results/accuracy.md
  mv build/bench/results/accuracy.md docs/results/accuracy.md
  bench/simplify.sh >build/bench/results/simplify.md
  mv build/bench/results/simplify.md docs/results/simplify.md
fi
failed=()
bench/agreement.sh "$@" || failed+=(agreement)
bench/quantizers.sh "$@" "${again[@]}" || failed+=(quantizers)
bench/speed.sh "$@" || failed+=(speed)
[ ${#failed[@]} -eq 0 ] || { echo "bench: these did not end well: ${failed[*]}" >&2; exit 1; }
