#!/usr/bin/env bash
# Runs one script of this folder with the Python of `make peers`, after the light graphs are there.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
root="$(cd "$here/../.." && pwd)"
python="$root/build/peers/venv/bin/python"
[ -x "$python" ] || { echo "$python is missing: run \`make peers\` first" >&2; exit 1; }
[ -x "$root/build/release/bench/bench_session" ] || {
  echo "build/release/bench/bench_session is missing: cmake --preset release -DPRECIS_BENCH=ON && cmake --build build/release" >&2
  exit 1
}
"$root/bench/light_models.sh"
exec "$python" "$here/$1" "${@:2}"
