"""Judges the exported file with an independent runtime: ONNX's checker, then ONNX Runtime on the 10,000 test images.

Usage: check_onnx.py MODEL.onnx [LOGITS]   (LOGITS: the raw f32 file that train_demo --logits wrote)
Prints the accuracy, the difference to libtorch's logits, and size, parameters, multiply-accumulates and operators.
"""
import collections
import gzip
import os
import sys

import numpy as np
import onnx
import onnxruntime

DATA = "/usr/share/datasets/fashion-mnist/t10k"


def read_test_set():
    with gzip.open(DATA + "-images-idx3-ubyte.gz") as f:
        pixels = np.frombuffer(f.read(), np.uint8, offset=16).reshape(-1, 1, 28, 28)
    with gzip.open(DATA + "-labels-idx1-ubyte.gz") as f:
        labels = np.frombuffer(f.read(), np.uint8, offset=8)
    images = (pixels.astype(np.float32) * np.float32(1 / 255) - np.float32(0.2860)) / np.float32(0.3530)
    return images, labels


def count_macs(model):
    shapes = {}
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph
    for value in list(inferred.value_info) + list(inferred.input) + list(inferred.output):
        shapes[value.name] = [d.dim_value for d in value.type.tensor_type.shape.dim]
    weights = {t.name: t.dims for t in model.graph.initializer}
    macs = 0
    for node in model.graph.node:
        if node.op_type in ("Conv", "Gemm"):
            macs += int(np.prod(weights[node.input[1]])) * int(np.prod(shapes[node.output[0]][2:]))
    return macs


def main():
    path = sys.argv[1]
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    images, labels = read_test_set()
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    logits = np.concatenate([session.run(["logits"], {"image": part})[0] for part in np.split(images, 20)])
    print(f"test {int((logits.argmax(1) == labels).sum())}/{len(labels)} in ONNX Runtime {onnxruntime.__version__}")
    if len(sys.argv) > 2:
        torch_logits = np.fromfile(sys.argv[2], np.float32).reshape(logits.shape)
        same = int((torch_logits.argmax(1) == logits.argmax(1)).sum())
        print(f"libtorch: same class on {same}, largest difference of a logit {np.abs(torch_logits - logits).max():.2g}")
    parameters = sum(int(np.prod(t.dims)) for t in model.graph.initializer)
    print(f"{os.path.getsize(path)} bytes, {parameters} parameters, {count_macs(model)} multiply-accumulates an image")
    counts = collections.Counter(node.op_type for node in model.graph.node)
    print(", ".join(f"{op} {n}" for op, n in sorted(counts.items())))


if __name__ == "__main__":
    main()
