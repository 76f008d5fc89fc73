"""One-node models of the operators of domain com.microsoft with random data: ONNX Runtime's answers beside those of `precis run`.

Floats agree within 1e-4 of the largest value (operators that ONNX Runtime computes with tables or 8-bit products: as the case says);
codes exactly, or within the steps that the case allows where rounding is open. Prints one line a case, exits 1 when one is wrong.
"""

import dataclasses
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

import ours

RNG = np.random.default_rng(7)
MS = "com.microsoft"


def real(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def u8(*shape):
    return RNG.integers(0, 256, shape, dtype=np.uint8)


def s8(*shape):
    return RNG.integers(-127, 128, shape).astype(np.int8)


def f32(value):
    return np.array(value, np.float32)


@dataclasses.dataclass
class Case:
    op: str
    inputs: list  # arrays; None: omitted
    computed: int = 1  # how many of the first inputs are inputs of the model; the others are constants
    outputs: int = 1
    attributes: dict = dataclasses.field(default_factory=dict)
    domain: str = MS
    steps: int = 0  # of codes
    tolerance: float = 1e-4
    note: str = ""


def scale(v):
    return f32(v)


def quantized_cases():
    xs, xz, ys, yz = f32(0.05), np.uint8(120), f32(0.07), np.uint8(131)
    one = [u8(2, 6, 8, 8), xs, xz, ys, yz]
    yield Case("QLinearAdd", [u8(2, 5, 7), xs, xz, u8(2, 5, 7), f32(0.03), np.uint8(99), ys, yz], steps=1)
    yield Case("QLinearAdd", [s8(2, 5, 7), xs, np.int8(3), s8(1, 7), f32(0.03), np.int8(-5), ys, np.int8(7)], steps=1)
    yield Case("QLinearMul", [u8(2, 5, 7), xs, xz, u8(2, 5, 7), f32(0.03), np.uint8(99), f32(0.4), yz], steps=1)
    yield Case("QLinearSigmoid", [u8(4, 9), xs, xz, f32(1 / 256), np.uint8(0)])
    yield Case("QLinearLeakyRelu", [u8(4, 9), xs, xz, ys, yz], attributes={"alpha": 0.1})
    for opset, axis in ((13, -1), (13, 1), (12, 1), (11, 2)):
        yield Case("QLinearSoftmax", [u8(2, 5, 7), xs, xz, f32(1 / 256), np.uint8(0)], attributes={"opset": opset, "axis": axis}, steps=1)
    pool = {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}
    yield Case("QLinearAveragePool", one, attributes=pool, steps=1)
    yield Case("QLinearAveragePool", [u8(2, 8, 8, 6), *one[1:]], attributes={**pool, "channels_last": 1, "count_include_pad": 1}, steps=1)
    yield Case("QLinearGlobalAveragePool", one, steps=1)
    yield Case("QLinearGlobalAveragePool", [u8(2, 8, 8, 6), *one[1:]], attributes={"channels_last": 1}, steps=1)
    yield Case("QLinearReduceMean", one, attributes={"axes": [2, 3], "keepdims": 1}, steps=1)
    yield Case("QLinearConcat", [ys, yz, u8(2, 3, 4), xs, xz, u8(2, 2, 4), f32(0.02), np.uint8(7)], computed=0, attributes={"axis": 1}, steps=1)
    yield Case("QLinearWhere", [RNG.random((2, 5)) < 0.5, u8(2, 5), xs, xz, u8(2, 5), f32(0.02), np.uint8(7), ys, yz], steps=1)
    bias = RNG.integers(-500, 500, 6).astype(np.int32)
    yield Case("QGemm", [u8(4, 16), xs, xz, s8(16, 6), f32(0.01), np.int8(0), bias, f32(0.2), yz], steps=1)
    yield Case("QGemm", [u8(4, 16), xs, xz, s8(6, 16), RNG.random(6).astype(np.float32) / 50 + 0.01, np.zeros(6, np.int8), bias],
               attributes={"transB": 1})
    conv = [u8(1, 7, 7, 8), xs, xz, s8(6, 8, 3, 3), RNG.random(6).astype(np.float32) / 50 + 0.01, np.zeros(6, np.int8), f32(0.4), yz, bias]
    yield Case("QLinearConv", conv, attributes={"channels_last": 1, "pads": [1, 1, 1, 1], "kernel_shape": [3, 3]}, steps=1)
    yield Case("NhwcMaxPool", [u8(1, 8, 8, 5)], attributes={"kernel_shape": [2, 2], "strides": [2, 2]})
    yield Case("QuantizeLinear", [real(3, 4), xs, xz])
    yield Case("DequantizeLinear", [u8(3, 4), xs, xz])


def dynamic_cases():
    columns = RNG.random(6).astype(np.float32) / 50 + 0.01
    for w, zero in ((s8(16, 6), np.zeros(6, np.int8)), (u8(16, 6), np.full(6, 128, np.uint8))):
        yield Case("DynamicQuantizeMatMul", [real(4, 16), w, columns, zero, real(6)])
        yield Case("MatMulIntegerToFloat", [u8(4, 16), w, f32(0.05), columns, np.uint8(120), zero, real(6)])
    yield Case("DynamicQuantizeMatMul", [real(2, 3, 16), s8(16, 6), f32(0.01)])
    for bits in (2, 4, 8):
        for k in (64, 80):
            n, block = 12, 32
            blocks = -(-k // block)
            b, scales = u8(n, blocks, block * bits // 8), RNG.random((n, blocks)).astype(np.float32) / 20
            attributes = {"K": k, "N": n, "bits": bits, "block_size": block}
            yield Case("MatMulNBits", [real(3, k), b, scales], attributes=attributes)
            yield Case("MatMulNBits", [real(3, k), b, scales, u8(n, -(-blocks * bits // 8))], attributes=attributes)
    order = RNG.permutation(np.arange(64) // 32).astype(np.int32)
    four = {"K": 64, "N": 12, "bits": 4, "block_size": 32}
    yield Case("MatMulNBits", [real(2, 3, 64), u8(12, 2, 16), RNG.random((12, 2)).astype(np.float32), None, order], attributes=four)
    yield Case("MatMulNBits", [real(3, 64), u8(12, 2, 16), RNG.random((12, 2)).astype(np.float32), RNG.random((12, 2)).astype(np.float32) * 8,
                               None, real(12)], attributes=four)
    ids = np.array([[3, 0, 9]], np.int64)
    yield Case("GatherBlockQuantized", [u8(10, 32), ids, RNG.random((10, 2)).astype(np.float32), u8(10, 1)], computed=0,
               attributes={"bits": 4, "block_size": 32, "gather_axis": 0, "quantize_axis": 1})
    yield Case("GatherBlockQuantized", [u8(10, 32), ids, RNG.random((10, 1)).astype(np.float32)], computed=0,
               attributes={"bits": 8, "block_size": 32, "gather_axis": 0, "quantize_axis": 1})


def fused_cases():
    x, w = real(1, 4, 8, 8), real(6, 4, 3, 3)
    for activation, factors in (("Relu", []), ("Sigmoid", []), ("Tanh", []), ("LeakyRelu", [0.1]), ("Clip", [-0.5, 0.5]), ("HardSigmoid", [0.2, 0.5])):
        extra = {"activation_params": factors} if factors else {}
        yield Case("FusedConv", [x, w, real(6)], attributes={"activation": activation, "kernel_shape": [3, 3], "pads": [1, 1, 1, 1], **extra})
    yield Case("FusedConv", [x, w, real(6), real(1, 6, 8, 8)], attributes={"activation": "Relu", "kernel_shape": [3, 3], "pads": [1, 1, 1, 1]})
    yield Case("FusedGemm", [real(4, 16), real(16, 6), real(6)], attributes={"activation": "Relu", "alpha": 0.5})
    yield Case("FusedGemm", [real(4, 16), real(16, 6), real(6)], attributes={"activation": "LeakyRelu", "activation_alpha": 0.2})
    yield Case("FusedMatMul", [real(2, 3, 5, 4), real(2, 3, 6, 4)], attributes={"transB": 1, "alpha": 0.25}, computed=2)
    yield Case("FusedMatMul", [real(5, 2, 3, 4), real(2, 3, 4, 6)], attributes={"transBatchA": 1}, computed=2)
    yield Case("FusedMatMul", [real(2, 3, 4, 5), real(6, 2, 3, 4)], attributes={"transA": 1, "transBatchB": 1, "transB": 1}, computed=2)
    yield Case("Gelu", [real(4, 9)])
    yield Case("BiasGelu", [real(2, 4, 9), real(9)])
    yield Case("FastGelu", [real(2, 4, 9), real(9)])
    yield Case("FastGelu", [real(2, 4, 9)])
    yield Case("QuickGelu", [real(4, 9)])
    yield Case("QuickGelu", [real(4, 9)], attributes={"alpha": 1.3})


def transformer_cases():
    h = 32
    x, skip, row = real(2, 5, h), real(2, 5, h), lambda: real(h)
    for epsilon in ({"epsilon": 1e-5}, {}):
        yield Case("SkipLayerNormalization", [x * 1e-3, skip * 1e-3, row(), row(), row()], computed=2, attributes=epsilon)
        yield Case("SkipSimplifiedLayerNormalization", [x * 1e-3, skip * 1e-3, row(), row()], computed=2, attributes=epsilon)
        yield Case("SimplifiedLayerNormalization", [x * 1e-3, row()], domain="", attributes=epsilon)
    ids, segments = RNG.integers(0, 10, (2, 5)).astype(np.int32), RNG.integers(0, 2, (2, 5)).astype(np.int32)
    tables = [real(10, h), real(8, h), real(2, h), row(), row()]
    mask = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], np.int32)
    yield Case("EmbedLayerNormalization", [ids, segments, *tables, mask], computed=2, outputs=2)
    yield Case("EmbedLayerNormalization", [ids, None, tables[0], tables[1], None, row(), row()], computed=1, outputs=2)
    w, b = real(h, 3 * h) / 6, real(3 * h) / 6
    heads = {"num_heads": 4}
    yield Case("Attention", [x, w, b], attributes=heads)
    yield Case("Attention", [x, w, b, mask], attributes=heads)
    yield Case("Attention", [x, w, b, np.array([3, 5], np.int32)], attributes=heads)
    yield Case("Attention", [x, w, b], attributes={**heads, "unidirectional": 1})
    yield Case("Attention", [x, w, b, None, real(2, 2, 4, 3, 8)], attributes={**heads, "unidirectional": 1}, outputs=2)
    yield Case("Attention", [x, w, b, None, None, real(2, 4, 5, 5)], attributes={**heads, "scale": 0.2})
    yield Case("MultiHeadAttention", [real(2, 5, h), real(2, 6, h), real(2, 6, h), real(3 * h)], computed=3, attributes=heads)
    yield Case("MultiHeadAttention", [real(2, 5, h), real(2, 4, 6, 8), real(2, 4, 6, 8)], computed=3, attributes=heads)
    yield Case("MultiHeadAttention", [real(2, 1, h), real(2, 1, h), real(2, 1, h), None, None, None, real(2, 4, 3, 8), real(2, 4, 3, 8)], computed=3,
               attributes=heads, outputs=3)
    yield Case("QAttention", [u8(2, 5, h), s8(h, 3 * h), real(3 * h), f32(0.02), f32(0.01), mask, np.uint8(128), np.int8(0)], attributes=heads)


def recurrent_cases():
    hidden, features = 16, 12
    for directions, batch, tolerance in ((1, 1, 1e-4), (2, 1, 1e-4), (1, 3, 2e-2)):
        weights = [s8(directions, features, 4 * hidden), s8(directions, hidden, 4 * hidden), real(directions, 8 * hidden) / 4, None, None, None, None]
        grids = [np.full(directions, 0.004, np.float32), np.zeros(directions, np.int8)] * 2
        yield Case("DynamicQuantizeLSTM", [real(7, batch, features), *weights, *grids], outputs=3, tolerance=tolerance,
                   attributes={"hidden_size": hidden, "direction": "bidirectional" if directions == 2 else "forward"},
                   note="the range of the state: a sample's here, the batch's there" if batch > 1 else "")


def model_of(case: Case):
    names = ["" if a is None else f"i{i}" for i, a in enumerate(case.inputs)]
    arrays = {n: np.asarray(a) for n, a in zip(names, case.inputs) if n}
    inputs = [n for n in names[:case.computed] if n]
    outputs = [f"o{i}" for i in range(case.outputs)]
    node = helper.make_node(case.op, names, outputs, name="n", domain=case.domain, **case.attributes)
    graph = helper.make_graph(
        [node], "g", [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(arrays[n].dtype), arrays[n].shape) for n in inputs],
        [helper.make_tensor_value_info(n, TensorProto.UNDEFINED, None) for n in outputs],
        [numpy_helper.from_array(a, n) for n, a in arrays.items() if n not in inputs])
    for output in graph.output:
        output.ClearField("type")
    own = case.domain == ""  # of ONNX itself: in the newest opset that ONNX Runtime's release knows for certain
    imports = [helper.make_opsetid("", 24 if own else 17), helper.make_opsetid(MS, 1)]
    return helper.make_model(graph, opset_imports=imports, ir_version=11 if own else 9), {n: arrays[n] for n in inputs}


def run_ours(model: pathlib.Path, feeds: dict, folder: pathlib.Path, *flags):
    data = folder / "test_data_set_0"
    data.mkdir(exist_ok=True)
    for i, (name, array) in enumerate(feeds.items()):
        (data / f"input_{i}.pb").write_bytes(numpy_helper.from_array(array, name).SerializeToString())
    if not feeds:
        raise SystemExit("a case has no input")
    return [np.load(p) for p in ours.outputs(model, folder, folder / "out", *flags)]


def difference(case: Case, theirs, own) -> str:
    if theirs.shape != own.shape:
        if theirs.size != own.size:
            return f"shapes {theirs.shape} and {own.shape}"
        own = own.reshape(theirs.shape)
    if theirs.dtype.kind in "iu":
        worst = int(np.abs(theirs.astype(np.int64) - own.astype(np.int64)).max(initial=0))
        return "" if worst <= case.steps else f"codes differ by {worst}"
    worst = float(np.abs(theirs - own).max(initial=0)) / max(float(np.abs(theirs).max(initial=0)), 1e-6)
    return "" if worst <= case.tolerance else f"reals differ by {worst:.2g}"


def judge(case: Case, folder: pathlib.Path) -> str:
    if case.computed == 0:
        case = dataclasses.replace(case, computed=next(i for i, a in enumerate(case.inputs) if np.asarray(a).ndim > 1) + 1)
    if case.op == "GatherBlockQuantized":  # its indices are computed, its table is constant
        case = dataclasses.replace(case, computed=0)
    model, feeds = model_of(case)
    if case.op == "GatherBlockQuantized":
        model.graph.input.append(helper.make_tensor_value_info("i1", TensorProto.INT64, case.inputs[1].shape))
        kept = [t for t in model.graph.initializer if t.name != "i1"]
        del model.graph.initializer[:]
        model.graph.initializer.extend(kept)
        feeds = {"i1": case.inputs[1]}
    path = folder / "model.onnx"
    onnx.save(model, path)
    try:
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = 4
        theirs = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"]).run(None, feeds)
    except Exception as error:
        return f"skipped, ONNX Runtime refuses it: {str(error)[:110]}"
    try:
        for flags in ((), ("--reference",)):
            for a, b in zip(theirs, run_ours(path, feeds, folder, *flags), strict=True):
                if wrong := difference(case, a, b):
                    return f"WRONG {' '.join(flags)} {wrong}"
    except RuntimeError as error:
        return f"WRONG {error}"
    return "ok"


def main() -> None:
    wanted, wrong = sys.argv[1:], 0
    for family in (quantized_cases, dynamic_cases, fused_cases, transformer_cases, recurrent_cases):
        for case in family():
            if wanted and case.op not in wanted:
                continue
            with tempfile.TemporaryDirectory() as folder:
                verdict = judge(case, pathlib.Path(folder))
            wrong += verdict.startswith("WRONG")
            print(f"{case.op:36} {str(case.attributes)[:60]:62} {verdict} {case.note}", flush=True)
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
