#!/usr/bin/env bash
# Accuracy and size of our int8 models on the labelled CNNs of the real data: prints one Markdown table.
# Usage: bench/accuracy.sh [SHARED_DATA_FOLDER] > docs/results/accuracy.md      (needs the release build)
set -euo pipefail
root="$(cd "$(dirname "$0")/.." && pwd)"
data="${1:-${PRECIS_SHARED_DATA:-$root/../shared/data}}"
precis="${PRECIS:-$root/build/release/precis/cli/precis}"
out="$(mktemp -d)"
trap 'rm -rf "$out"' EXIT

row() {  # name, model, calib, data, preprocess (pictures only)
  "$precis" quantize "$data/models/$2" --calib "$data/$3" --data "$data/$4" ${5:+--preprocess "$5"} -o "$out/m.onnx" -f --no-bench --progress none -q --json="$out/m.json"
  python3 - "$1" "$out/m.json" <<'PY'
import json, sys
j = json.load(open(sys.argv[2]))
b, a = j["before"], j["after"]
low, high = j["change_interval_95"]
print(f"| {sys.argv[1]} | {a['samples']} | {b['top1']*100:.2f} % | {a['top1']*100:.2f} % | {low*100:+.2f} to {high*100:+.2f} % | {j['input']['bytes']} | {j['output']['bytes']} | {j['seconds']:.1f} s | {j['peak_rss_bytes']>>20} MiB |")
PY
}

echo "# int8 accuracy and size"
echo
cpu="$(awk -F': ' '/^model name/ { print $2; exit }' /proc/cpuinfo)"
echo "Default method (mse observer, per-channel weights), calibrated and judged on disjoint rows; made by \`bench/accuracy.sh\` on $cpu, $(nproc) threads, $(date +%F)."
echo "The change's interval is the paired 95 % interval; seconds cover reading, calibration, writing, reading back and judging both models."
echo
echo "| model | judged | float top-1 | int8 top-1 | change, 95 % | float bytes | int8 bytes | time | peak memory |"
echo "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
row squeezenet1.1 squeezenet1.1.onnx imagenet500,rows=0:100 imagenet500,rows=100:500 imagenet-crop
row mobilenet_v1_0.25 mobilenet_v1_0.25_224.onnx imagenet500,rows=0:100 imagenet500,rows=100:500 tf-crop
row resnet20_cifar10jpeg resnet20_cifar10jpeg.onnx cifar10jpeg/train5000.bin.gz,count=500 cifar10jpeg/test2500.bin.gz cifar10
row resnet20_cifar10 resnet20_cifar10.onnx cifar10jpeg/train5000.bin.gz,count=500 cifar10jpeg/test2500.bin.gz cifar10
row mnist-8 mnist-8.onnx mnist/train60000-images-idx3-ubyte.gz,count=500 mnist/test5000-images-idx3-ubyte.gz raw
row kws_ds_cnn_s kws_ds_cnn_s.onnx speech_commands/mfcc_49x10_f32.npy,rows=0:200 speech_commands/mfcc_49x10_f32.npy,rows=200:2143,labels=$data/speech_commands/labels_u8.npy
