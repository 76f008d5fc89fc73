#!/usr/bin/env bash
# Writes the nine light ImageNet graphs of the ONNX conformance suite with seeded weights to build/bench/light/ (1.3 GB), for speed
# and agreement at full size. Files that exist are kept. Needs the seed_weights program (cmake --preset release -DPRECIS_BENCH=ON).
# Usage: bench/light_models.sh [SHARED_DATA_FOLDER]
set -euo pipefail
root="$(cd "$(dirname "$0")/.." && pwd)"
archive="${1:-${PRECIS_SHARED_DATA:-$root/../shared/data}}/onnx_backend_suite-1.22.tar.xz"
out="$root/build/bench/light"
seed_weights="$root/build/release/bench/seed_weights"
inside=onnx/backend/test/data/light
names=(bvlc_alexnet densenet121 inception_v1 inception_v2 resnet50 shufflenet squeezenet vgg19 zfnet512)

mkdir -p "$out"
missing=()
for name in "${names[@]}"; do
  [ -f "$out/$name.onnx" ] || missing+=("$name")
done
[ ${#missing[@]} -eq 0 ] && exit 0

[ -x "$seed_weights" ] || { echo "light_models: $seed_weights is missing; build it with -DPRECIS_BENCH=ON" >&2; exit 1; }
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
tar -xf "$archive" -C "$folder" --wildcards "$inside/light_*.onnx"
for name in "${missing[@]}"; do
  "$seed_weights" "$folder/$inside/light_$name.onnx" "$out/$name.onnx" 1
done
