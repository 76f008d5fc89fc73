#!/usr/bin/env bash
# What `precis simplify` makes of the real models: nodes, bytes and MACs before and after, and whether the outputs are equal: prints one
# Markdown page. Usage: bench/simplify.sh [SHARED_DATA_FOLDER] > docs/results/simplify.md      (needs the release build)
set -euo pipefail
root="$(cd "$(dirname "$0")/.." && pwd)"
data="${1:-${PRECIS_SHARED_DATA:-$root/../shared/data}}"
precis="${PRECIS:-$root/build/release/precis/cli/precis}"
out="$(mktemp -d)"
trap 'rm -rf "$out"' EXIT

row() {  # model, further flags
  local file="$1" name
  name="$(basename "$file" .onnx)"
  shift
  "$precis" simplify "$file" -o "$out/m.onnx" -f --progress none -q --json="$out/m.json" "$@"
  python3 - "$name" "$out/m.json" <<'PY'
import json, sys
j = json.load(open(sys.argv[2]))
b, a, e = j["before"], j["after"], j["equality"]
difference = max(o["difference"] for o in e["outputs"])
equal = "every bit" if all(o["bit_equal"] for o in e["outputs"]) else f"within {difference:.0e}"
passes = ", ".join(f"{name} {count}" for name, count in j["passes"].items()) or "none"
macs = lambda s: f"{s['macs'] / 1e6:.1f} M" if s["macs"] else "unknown"
print(f"| {sys.argv[1]} | {b['nodes']} -> {a['nodes']} | {b['bytes']} -> {a['bytes']} | {macs(b)} -> {macs(a)} | {b['opset']} -> {a['opset']} | {equal}, {e['samples']} samples | {passes} |")
PY
}

table() {  # further flags
  echo "| model | nodes | bytes | MACs | opset | outputs equal | changes by pass |"
  echo "| --- | --- | --- | --- | --- | --- | --- |"
  for file in "$data"/models/*.onnx; do row "$file" "$@"; done
}

echo "# Models made plainer"
echo
echo "\`precis simplify\` on every model of the real data, made by \`bench/simplify.sh\` on $(date +%F). Outputs are those of the written file, read back, against"
echo "the input's, on made-up values; differences are shares of the largest value of an output. MACs that depend on free dimensions are unknown. Nodes in the branches of"
echo "an If are not counted."
echo
table
echo
echo "With \`--opset 24\` passes may use the operators that newer opsets have:"
echo
table --opset 24
