"""Files as others quantize them, made of the nets of nets.py: every option of ONNX Runtime's quantize_static that changes what stands in
the file, quantize_dynamic, and weights of four bits.

`python foreign_files.py NET FORM OUTPUT` writes one file, in a process of its own. The four-bit forms are laid out as ONNX Runtime's
MatMulNBitsQuantizer does (symmetric round to nearest, blocks of 32), written here because that tool wants packages beyond ONNX Runtime.
"""

import logging
import pathlib
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantFormat, QuantType, quantize_dynamic, quantize_static

import nets
import ort_quantize

CALIBRATION_ROWS = 20
U8, S8, U16, S16 = QuantType.QUInt8, QuantType.QInt8, QuantType.QUInt16, QuantType.QInt16
BLOCK = 32


def static(fmt, activation, weight, per_channel=False, reduce_range=False, **extra):
    return {"quant_format": QuantFormat[fmt], "activation_type": activation, "weight_type": weight, "per_channel": per_channel,
            "reduce_range": reduce_range, "extra_options": extra}


STATIC = {
    "qdq u8s8 channel": static("QDQ", U8, S8, True),
    "qdq u8s8 tensor": static("QDQ", U8, S8),
    "qdq u8u8 tensor": static("QDQ", U8, U8),
    "qdq s8s8 channel": static("QDQ", S8, S8, True),
    "qdq s8s8 symmetric": static("QDQ", S8, S8, True, ActivationSymmetric=True),
    "qdq reduced range": static("QDQ", U8, S8, True, True),
    "qdq asymmetric weights": static("QDQ", U8, S8, WeightSymmetric=False),
    "qdq float bias": static("QDQ", U8, S8, True, QuantizeBias=False),
    "qdq no input check": static("QDQ", U8, S8, True, ForceQuantizeNoInputCheck=True),
    "qdq dedicated pairs": static("QDQ", U8, S8, True, DedicatedQDQPair=True),
    "qdq pairs at weights": static("QDQ", U8, S8, True, AddQDQPairToWeight=True),
    "qdq u16s8": static("QDQ", U16, S8, True, UseQDQContribOps=True),
    "qop u8s8 channel": static("QOperator", U8, S8, True),
    "qop u8s8 tensor": static("QOperator", U8, S8),
    "qop u8u8 tensor": static("QOperator", U8, U8),
    "qop s8s8 channel": static("QOperator", S8, S8, True),
}
DYNAMIC = {"dynamic s8": {"weight_type": S8}, "dynamic s8 channel": {"weight_type": S8, "per_channel": True}, "dynamic u8": {"weight_type": U8}}
FOUR_BITS = ("4 bits, MatMulNBits", "4 bits, blocked DQ")
FORMS = [*STATIC, *DYNAMIC, *FOUR_BITS]


def prepared(net: nets.Net, folder: pathlib.Path) -> pathlib.Path:
    path = folder / "prepared.onnx"
    for skip in (False, True):
        try:
            ort_quantize.pre_process(str(net.path), str(path), skip)
            return path
        except Exception as error:  # whatever their tool raises, the next way is tried
            reason = error
    raise SystemExit(f"ONNX Runtime prepares {net.name} in no way: {str(reason)[:200]}")


def blocks_of(w: np.ndarray):
    """[K, N] as four-bit codes [N, blocks, BLOCK] with zero point 8, and scales [N, blocks]."""
    k, n = w.shape
    padded = np.zeros((n, -(-k // BLOCK) * BLOCK), np.float32)
    padded[:, :k] = w.T
    parts = padded.reshape(n, -1, BLOCK)
    scales = (np.abs(parts).max(-1) / 7).astype(np.float32)
    scales[scales == 0] = 1
    return np.clip(np.rint(parts / scales[..., None]) + 8, 0, 15).astype(np.uint8), scales


def four_bits(source, target, form: str) -> int:
    model = onnx.load(source)
    graph, count = model.graph, 0
    weights = {t.name: t for t in graph.initializer}
    for node in list(graph.node):
        if node.op_type != "MatMul" or node.input[1] not in weights or len(weights[node.input[1]].dims) != 2:
            continue
        w = numpy_helper.to_array(weights[node.input[1]])
        if w.shape[0] < BLOCK:
            continue
        codes, scales = blocks_of(w)
        name, count = node.input[1] + f"_q{count}", count + 1
        if form == FOUR_BITS[0]:
            packed = codes[..., 0::2] | codes[..., 1::2] << 4
            graph.initializer.extend([numpy_helper.from_array(packed, name), numpy_helper.from_array(scales.reshape(-1), name + "_scales")])
            node.CopyFrom(helper.make_node("MatMulNBits", [node.input[0], name, name + "_scales"], list(node.output), name=node.name,
                                           domain="com.microsoft", K=w.shape[0], N=w.shape[1], bits=4, block_size=BLOCK))
            continue
        signed = (codes.astype(np.int8) - 8).reshape(w.shape[1], -1)[:, : w.shape[0]].T
        graph.initializer.extend([helper.make_tensor(name, TensorProto.INT4, w.shape, signed.reshape(-1)),
                                  numpy_helper.from_array(np.ascontiguousarray(scales.T), name + "_scales")])
        at = list(graph.node).index(node)
        graph.node.insert(at, helper.make_node("DequantizeLinear", [name, name + "_scales"], [name + "_real"], axis=0, block_size=BLOCK))
        node.input[1] = name + "_real"
    if count == 0:
        raise SystemExit("no MatMul with constant weights")
    used = {name for node in graph.node for name in node.input}
    kept = [t for t in graph.initializer if t.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    for entry in model.opset_import:
        if entry.domain == "":
            entry.version = 21
    if form == FOUR_BITS[0]:
        model.opset_import.extend([helper.make_opsetid("com.microsoft", 1)])
    model.ir_version = 10
    onnx.save(model, target)
    return count


def main() -> None:
    net, form, output = nets.NETS[sys.argv[1]], sys.argv[2], sys.argv[3]
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as name:
        source = prepared(net, pathlib.Path(name))
        if form in FOUR_BITS:
            four_bits(source, output, form)
        elif form in DYNAMIC:
            quantize_dynamic(str(source), output, **DYNAMIC[form])
        else:
            rows = net.task.rows("calib")
            reader = ort_quantize.Reader(rows, onnx.load(source).graph.input[0].name, min(CALIBRATION_ROWS, len(rows)))
            quantize_static(str(source), output, reader, **STATIC[form])


if __name__ == "__main__":
    main()
