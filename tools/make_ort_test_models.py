"""Makes tests/data/ort_quantized/: small quantized ONNX files as ONNX Runtime's own tool writes them, with its answers.

Six tiny random networks are quantized by quantize_static in several forms (Q/DQ and QOperator, u8 and s8 activations, s8 and
u8 weights, per tensor and per channel). Each folder holds model.onnx, input_0.npy, output_0.npy (ONNX Runtime's answer) and the
same two tensors as test_data_set_0/*.pb. Weights have 7 bits (reduce_range), so that no pair of products saturates 16 bits in
ONNX Runtime's AVX2 kernels and its answer is the exact one on every CPU. A seed is only taken if ONNX Runtime's integer kernels
and its float emulation of the Q/DQ file give the same codes, so no value lies so near a rounding tie that a correct
implementation could differ by one step. QOperator files are judged by the same file with every QLinear operator taken apart.

Run with the environment of tools/make_peers.sh:  build/peers/venv/bin/python tools/make_ort_test_models.py
"""

import contextlib
import logging
import pathlib
import shutil
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

TARGET = pathlib.Path(__file__).resolve().parents[1] / "tests" / "data" / "ort_quantized"
U8, S8 = QuantType.QUInt8, QuantType.QInt8
QDQ, QOPERATOR = QuantFormat.QDQ, QuantFormat.QOperator
# form: (format, activations, weights, per channel, symmetric activations)
FORMS = {
    "qdq_u8s8_channel": (QDQ, U8, S8, True, False),
    "qdq_u8s8_tensor": (QDQ, U8, S8, False, False),
    "qdq_s8s8_channel": (QDQ, S8, S8, True, False),
    "qdq_s8s8_symmetric": (QDQ, S8, S8, True, True),
    "qdq_u8u8_tensor": (QDQ, U8, U8, False, False),
    "qop_u8s8_channel": (QOPERATOR, U8, S8, True, False),
    "qop_u8s8_tensor": (QOPERATOR, U8, S8, False, False),
    "qop_u8u8_tensor": (QOPERATOR, U8, U8, False, False),
}
ALWAYS = ["qdq_u8s8_channel", "qdq_s8s8_channel", "qop_u8s8_channel"]
MOST_SEEDS = 200


class Net:
    """Collects nodes and random weights of one network; every method returns the name of its output."""

    def __init__(self, seed: int, opset: int):
        self.rng = np.random.default_rng(seed)
        self.opset, self.nodes, self.weights = opset, [], []

    def tensor(self, name: str, values) -> str:
        self.weights.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def node(self, op: str, *inputs: str, outputs: int = 1, **attributes):
        name = f"{op.lower()}_{sum(node.op_type == op for node in self.nodes)}"
        names = [f"{name}_out" if outputs == 1 else f"{name}_out{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, name=name, **attributes))
        return names[0] if outputs == 1 else names

    def random(self, name: str, shape, scale: float) -> str:
        return self.tensor(name, (scale * self.rng.standard_normal(shape)).astype(np.float32))

    def conv(self, x: str, shape, op: str = "Conv", bias: bool = True, **attributes) -> str:
        """shape is that of the weight; its channels get different magnitudes, which is what per-channel scales are for."""
        stem = f"{op.lower()}_{sum(node.op_type == op for node in self.nodes)}"
        outputs = shape[0] if op == "Conv" else shape[1] * attributes.get("group", 1)
        weight = self.rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))
        magnitude = self.rng.uniform(0.3, 2.0, (shape[0], *[1] * (len(shape) - 1)))
        inputs = [x, self.tensor(f"{stem}.weight", (weight * magnitude).astype(np.float32))]
        if bias:
            inputs.append(self.random(f"{stem}.bias", [outputs], 0.2))
        return self.node(op, *inputs, **attributes)

    def model(self, shape, output: str, rank: int) -> onnx.ModelProto:
        """output, the last node's, becomes the graph's output; its sizes are left to shape inference."""
        assert list(self.nodes[-1].output) == [output]
        self.nodes[-1].output[0] = "output"
        graph = helper.make_graph(
            self.nodes, "net", [helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info("output", TensorProto.FLOAT, [None] * rank)], self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8)
        onnx.checker.check_model(model)
        return model


def classifier(seed: int):
    """Conv, Relu, MaxPool, Conv (stride 2), GlobalAveragePool, Gemm with transB; free batch."""
    net = Net(seed, 13)
    x = net.node("Relu", net.conv("input", [6, 3, 3, 3], pads=[1, 1, 1, 1]))
    x = net.node("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = net.node("Relu", net.conv(x, [8, 6, 3, 3], strides=[2, 2], pads=[1, 1, 1, 1]))
    x = net.node("Flatten", net.node("GlobalAveragePool", x))
    x = net.node("Gemm", x, net.random("fc.weight", [5, 8], 0.4), net.random("fc.bias", [5], 0.2), transB=1)
    return net.model(["N", 3, 8, 8], x, 2), (2, 3, 8, 8)


def residual(seed: int):
    """Two convolutions and a skip that meet in Add, then Relu and a 1x1 convolution without bias."""
    net = Net(seed, 14)
    x = net.node("Relu", net.conv("input", [8, 4, 1, 1]))
    y = net.node("Relu", net.conv(x, [8, 8, 3, 3], pads=[1, 1, 1, 1]))
    y = net.conv(y, [8, 8, 3, 3], pads=[1, 1, 1, 1])
    x = net.node("Relu", net.node("Add", y, x))
    return net.model([1, 4, 6, 6], net.conv(x, [4, 8, 1, 1], bias=False), 4), (1, 4, 6, 6)


def fire(seed: int):
    """Squeeze, two expanding convolutions, Concat of both, AveragePool, as in SqueezeNet."""
    net = Net(seed, 13)
    x = net.node("Relu", net.conv("input", [4, 6, 1, 1]))
    a = net.node("Relu", net.conv(x, [6, 4, 1, 1]))
    b = net.node("Relu", net.conv(x, [6, 4, 3, 3], pads=[1, 1, 1, 1]))
    x = net.node("AveragePool", net.node("Concat", a, b, axis=1), kernel_shape=[2, 2], strides=[2, 2])
    return net.model([1, 6, 6, 6], net.conv(x, [5, 12, 1, 1]), 4), (1, 6, 6, 6)


def separable(seed: int):
    """Depthwise and pointwise convolutions with Clip(0, 6), as in MobileNet; Reshape and Gemm without transB."""
    net = Net(seed, 17)
    zero, six = net.tensor("zero", np.float32(0)), net.tensor("six", np.float32(6))
    x = net.node("Clip", net.conv("input", [8, 3, 3, 3], strides=[2, 2], pads=[0, 0, 1, 1]), zero, six)
    x = net.node("Clip", net.conv(x, [8, 1, 3, 3], group=8, pads=[1, 1, 1, 1]), zero, six)
    x = net.node("Clip", net.conv(x, [12, 8, 1, 1]), zero, six)
    x = net.node("AveragePool", x, kernel_shape=[4, 4])
    x = net.node("Reshape", x, net.tensor("shape", np.array([-1, 12], np.int64)))
    x = net.node("Gemm", x, net.random("fc.weight", [12, 4], 0.4), net.random("fc.bias", [4], 0.2))
    return net.model(["N", 3, 8, 8], x, 2), (2, 3, 8, 8)


def perceptron(seed: int):
    """MatMul, Add of a constant, Relu, MatMul, Sigmoid times the other half (Mul)."""
    net = Net(seed, 13)
    x = net.node("MatMul", "input", net.random("w0", [12, 16], 0.3))
    x = net.node("Relu", net.node("Add", x, net.random("b0", [16], 0.3)))
    x = net.node("MatMul", x, net.random("w1", [16, 6], 0.3))
    return net.model([2, 3, 12], net.node("Mul", x, net.node("Sigmoid", x)), 3), (2, 3, 12)


def movement(seed: int):
    """Grouped and dilated convolutions around operators that only move data, with LeakyRelu and nearest Resize."""
    net = Net(seed, 13)
    x = net.node("LeakyRelu", net.conv("input", [8, 2, 3, 3], group=2, pads=[1, 1, 1, 1]), alpha=0.1)
    x = net.node("Transpose", x, perm=[0, 1, 3, 2])
    a, b = net.node("Split", x, net.tensor("split", np.array([4, 4], np.int64)), outputs=2, axis=1)
    a = net.node("Resize", a, "", net.tensor("scales", np.array([1, 1, 2, 2], np.float32)), mode="nearest",
                 coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    a = net.node("MaxPool", a, kernel_shape=[2, 2], strides=[2, 2])
    x = net.node("Concat", b, a, axis=1)
    return net.model([1, 4, 6, 6], net.conv(x, [4, 8, 3, 3], dilations=[2, 2], pads=[2, 1, 2, 1]), 4), (1, 4, 6, 6)


# network: (how to make it, its forms beyond ALWAYS)
NETS = {
    "classifier": (classifier, list(FORMS)),
    "residual": (residual, ["qdq_s8s8_symmetric"]),
    "fire": (fire, ["qdq_u8s8_tensor"]),
    "separable": (separable, ["qdq_u8u8_tensor", "qop_u8s8_tensor"]),
    "perceptron": (perceptron, ["qdq_u8s8_tensor", "qop_u8u8_tensor"]),
    "movement": (movement, ["qdq_u8s8_tensor"]),
}


class Reader(CalibrationDataReader):
    def __init__(self, shape):
        rng = np.random.default_rng(7)
        self.samples = iter([{"input": rng.standard_normal(shape).astype(np.float32)} for _ in range(8)])

    def get_next(self):
        return next(self.samples, None)


def quantize(prepared: pathlib.Path, target: pathlib.Path, form, shape) -> None:
    quant_format, activation, weight, per_channel, symmetric = form
    with contextlib.redirect_stdout(sys.stderr):
        quantize_static(
            str(prepared), str(target), Reader(shape), quant_format=quant_format, per_channel=per_channel,
            reduce_range=True, activation_type=activation, weight_type=weight,
            extra_options={"ActivationSymmetric": symmetric})


def answer(path: pathlib.Path, sample: np.ndarray, optimize: bool) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if not optimize:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return session.run(None, {"input": sample})[0]


def triples(names) -> list:
    """(codes, scale, zero point) names, three at a time."""
    return [tuple(names[i : i + 3]) for i in range(0, len(names), 3)]


def parts(node) -> tuple:
    """Of a QLinear operator: the float operator, its quantized inputs, its int32 bias or None, its output's parameters."""
    names, op = list(node.input), node.op_type
    if op == "QGemm":
        return "Gemm", triples(names[:6]), names[6], names[7:9]
    op = op.removeprefix("QLinear")
    if op == "Concat":
        return op, triples(names[2:]), None, names[:2]
    if op == "Conv":
        return op, triples(names[:6]), names[8] if len(names) > 8 else None, names[6:8]
    return op, triples(names[:-2]), None, names[-2:]


def unfold(model: onnx.ModelProto) -> onnx.ModelProto:
    """A QOperator file as Q/DQ: every QLinear operator becomes DequantizeLinear, the float operator, QuantizeLinear."""
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    nodes = []
    for node in model.graph.node:
        if not node.op_type.startswith("Q") or node.op_type == "QuantizeLinear":
            nodes.append(node)
            continue
        op, quantized, bias, output = parts(node)
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute if a.name != "channels_last"}
        axis = 0 if op == "Conv" or attributes.get("transB") else 1
        if bias:
            scale = f"{node.name}.bias_scale"
            values = constants[quantized[0][1]] * constants[quantized[1][1]]
            model.graph.initializer.append(numpy_helper.from_array(np.asarray(values), scale))
            zero = numpy_helper.from_array(np.zeros(values.shape, np.int32), f"{node.name}.bias_zero")
            model.graph.initializer.append(zero)
            quantized = [*quantized, (bias, scale, zero.name)]
        floats = [f"{node.name}.float{i}" for i in range(len(quantized))]
        for i, (names, result) in enumerate(zip(quantized, floats)):
            nodes.append(helper.make_node("DequantizeLinear", names, [result], axis=0 if i == 2 else axis))
        nodes.append(helper.make_node(op, floats, [f"{node.name}.result"], **attributes))
        nodes.append(helper.make_node("QuantizeLinear", [f"{node.name}.result", *output], list(node.output)))
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def settled(path: pathlib.Path, sample: np.ndarray) -> np.ndarray | None:
    """The answer of the file at path, or None where integer kernels and emulation in float differ."""
    emulated = path.with_name("emulated.onnx")
    onnx.save(unfold(onnx.load(path)), emulated)
    output = answer(path, sample, optimize=True)
    return output if np.array_equal(output, answer(emulated, sample, optimize=False)) else None


def write(folder: pathlib.Path, model: pathlib.Path, tensors: dict) -> None:
    data_set = folder / "test_data_set_0"
    data_set.mkdir(parents=True)
    shutil.copyfile(model, folder / "model.onnx")
    for stem, (name, values) in tensors.items():
        np.save(folder / f"{stem}.npy", values)
        (data_set / f"{stem}.pb").write_bytes(numpy_helper.from_array(values, name).SerializeToString())


def make(net: str, form: str) -> None:
    build = NETS[net][0]
    for seed in range(MOST_SEEDS):
        with tempfile.TemporaryDirectory() as scratch:
            prepared, path = pathlib.Path(scratch) / "prepared.onnx", pathlib.Path(scratch) / "model.onnx"
            model, shape = build(seed)
            quant_pre_process(model, str(prepared))
            sample = np.random.default_rng(seed + 1000).standard_normal(shape).astype(np.float32)
            quantize(prepared, path, FORMS[form], shape)
            output = settled(path, sample)
            if output is not None and len(np.unique(output)) > 4:
                write(TARGET / f"{net}_{form}", path, {"input_0": ("input", sample), "output_0": ("output", output)})
                print(f"{net}_{form}: seed {seed}, {len(np.unique(output))} different values")
                return
    raise SystemExit(f"{net} {form}: integer kernels and emulation differ for every seed below {MOST_SEEDS}")


def main() -> None:
    logging.disable(logging.WARNING)
    if TARGET.exists():
        shutil.rmtree(TARGET)
    for net, (_, more) in NETS.items():
        for form in dict.fromkeys(ALWAYS + more):
            make(net, form)


if __name__ == "__main__":
    main()
