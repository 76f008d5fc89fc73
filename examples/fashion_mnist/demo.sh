#!/usr/bin/env bash
# The main job on real data: a small CNN for Fashion-MNIST, quantized to int8 with the proof, in the build folder.
set -euo pipefail
root="$(cd "$(dirname "$0")/../.." && pwd)"
here="$root/examples/fashion_mnist"
data=/usr/share/datasets/fashion-mnist
out="$root/build/demo"
mkdir -p "$out"
echo "Quantizing a Fashion-MNIST CNN: 200 training pictures to calibrate, the 10,000 test pictures to judge."
"$root/build/precis" quantize "$here/fashion_cnn.onnx" \
  --calib "$data/train-images-idx3-ubyte.gz,count=200" --data "$data/t10k-images-idx3-ubyte.gz" \
  -o "$out/fashion_cnn.int8.onnx" --force --progress none --json="$out/fashion_cnn.int8.json"
echo
echo "The int8 model: $out/fashion_cnn.int8.onnx (any ONNX runtime loads it); the report: $out/fashion_cnn.int8.json"
