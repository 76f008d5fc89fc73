#!/usr/bin/env bash
# Makes build/peers/venv: the Python tools that bench/peers/ compares with (ONNX Runtime, OpenVINO), at pinned versions.
# Nothing that is built or shipped needs them. Running it again does nothing unless a pin below has changed.
# Needs Python 3.11 or later with its venv module (Debian: python3-venv).
set -euo pipefail
cd "$(dirname "$0")/.."

# onnxruntime 1.30.0 is the version the float baselines of the data sets were measured with.
pins=(
  onnxruntime==1.30.0
  onnx==1.22.0
  openvino==2026.4.1
  numpy==2.4.6
  pillow==12.3.0
  sympy==1.14.0 # onnxruntime.quantization's symbolic shape inference
)

venv=build/peers/venv
stamp=$venv/pins
wanted=$(printf '%s\n' "${pins[@]}")
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
  echo "peers: $venv is up to date"
  exit 0
fi

mkdir -p build/peers
"$venv/bin/python" -m pip --version >/dev/null 2>&1 || python3 -m venv --clear "$venv" || {
  echo "peers: python3 cannot make a virtual environment; install Debian's python3-venv and try again" >&2
  exit 1
}
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check "${pins[@]}"
printf '%s\n' "$wanted" >"$stamp"
"$venv/bin/python" -c 'import onnxruntime, onnx, openvino; print("peers: onnxruntime", onnxruntime.__version__, "onnx", onnx.__version__, "openvino", openvino.__version__)'
