"""Operators that `precis` writes out in older ones: one-node models in ONNX's newest form, and the same written for opset 13,
both run by ONNX Runtime on the same data. Floats agree within 1e-5 of the largest value. Prints one line a case, exits 1 when one
is wrong or holds an operator that opset 13 does not have.
"""

import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime

import ours
from foreign_cases import Case, difference, model_of, real

OPSET = 13


def case(op, inputs, **attributes):
    return Case(op, inputs, computed=len(inputs), attributes=attributes, domain="", tolerance=1e-5)


def cases():
    x, w, b = real(2, 3, 8), real(8), real(8)
    yield case("Gelu", [x])
    yield case("Gelu", [x], approximate="tanh")
    yield case("Swish", [x])
    yield case("HardSwish", [x])
    yield case("LayerNormalization", [x, w, b])
    yield case("LayerNormalization", [x, real(3, 8)], axis=1, epsilon=0.01)
    yield case("RMSNormalization", [x, w])
    q, k, v = real(2, 4, 3, 8), real(2, 4, 5, 8), real(2, 4, 5, 6)
    yield case("Attention", [q, k, v])
    yield case("Attention", [q, k, v, real(3, 5)], scale=0.3)
    yield case("Attention", [q, k, v, np.array([[1, 0, 1, 1, 0]] * 3, bool)], softcap=2.0)
    yield case("Attention", [q, k[:, :2], v[:, :2]], is_causal=1)
    yield case("Attention", [real(2, 3, 32), real(2, 5, 16), real(2, 5, 16)], q_num_heads=4, kv_num_heads=2)
    cosines, sines, ids = real(20, 4), real(20, 4), np.array([[0, 1, 2], [19, 7, 8]], np.int64)
    for interleaved in (0, 1):
        yield case("RotaryEmbedding", [real(2, 4, 3, 8), cosines, sines, ids], interleaved=interleaved)
        yield case("RotaryEmbedding", [real(2, 4, 3, 8), real(2, 3, 4), real(2, 3, 4)], interleaved=interleaved)
        yield case("RotaryEmbedding", [real(2, 3, 40), cosines, sines, ids], interleaved=interleaved, num_heads=4, rotary_embedding_dim=8)


def run(path: pathlib.Path, feeds: dict):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"]).run(None, feeds)


def judge(one: Case, folder: pathlib.Path) -> str:
    newest, written = folder / "newest.onnx", folder / "written.onnx"
    model, feeds = model_of(one)
    onnx.save(model, newest)
    line = [str(ours.PRECIS), "simplify", str(newest), "--only", "eliminate_dead_nodes", "--opset", str(OPSET), "-o", str(written), "-q"]
    done = subprocess.run(line, capture_output=True, text=True)
    if done.returncode:
        return f"WRONG {done.stderr.strip()[:200]}"
    if onnx.load(written).opset_import[0].version != OPSET:
        return "WRONG opset"
    own = run(written, feeds)
    try:
        theirs = run(newest, feeds)
    except Exception as error:
        return f"skipped, ONNX Runtime has no such operator: {str(error)[:90]}"
    wrong = difference(one, theirs[0], own[0])
    return f"WRONG {wrong}" if wrong else "ok"


def main() -> None:
    wrong = 0
    for one in cases():
        with tempfile.TemporaryDirectory() as folder:
            verdict = judge(one, pathlib.Path(folder))
        wrong += verdict.startswith("WRONG")
        print(f"{one.op:20} {str(one.attributes)[:70]:72} {verdict}", flush=True)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
