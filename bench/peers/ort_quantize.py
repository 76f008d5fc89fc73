"""Quantizes one task's model with ONNX Runtime's quantize_static (QDQ, per channel) and prints what it cost, as one JSON line.

Run it as a process of its own: peak_rss_bytes is that of the whole process, rss_after_import_bytes what Python and the
imports alone take. Seconds do not count imports; decoding and preprocessing the calibration pictures, one at a time, do count.

ONNX Runtime wants help before it quantizes: an opset below 13 is converted to 13 (per-channel DequantizeLinear needs it), then
quant_pre_process runs (shapes, batch norm folded), which is timed apart. Where that fails for a model, the next of the ways
below is taken, and `tried` says which failed and why.
"""

import argparse
import contextlib
import json
import logging
import pathlib
import resource
import sys
import tempfile
import time

import onnx
import onnx.version_converter
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

import datasets

METHODS = {"minmax": CalibrationMethod.MinMax, "percentile": CalibrationMethod.Percentile,
           "entropy": CalibrationMethod.Entropy}
TYPES = {"u8": QuantType.QUInt8, "s8": QuantType.QInt8}
LEAST_OPSET = 13
# (skip ONNX Runtime's optimizer in pre-processing, weights per channel), the best first
WAYS = [(False, True), (True, True), (False, False)]


class Reader(CalibrationDataReader):
    def __init__(self, rows, input_name: str, count: int):
        self.samples = ({input_name: rows.sample(i)} for i in range(count))

    def get_next(self):
        return next(self.samples, None)


def rss_bytes() -> int:
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def pre_process(source, target, skip_optimization: bool) -> None:
    model = onnx.load(source)
    opset = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    if opset < LEAST_OPSET:
        model = onnx.version_converter.convert_version(model, LEAST_OPSET)
    quant_pre_process(model, target, skip_optimization=skip_optimization)


def quantize(task, options, way, folder: pathlib.Path) -> dict:
    skip_optimization, per_channel = way
    prepared = folder / "prepared.onnx"
    start = time.perf_counter()
    pre_process(str(task.model_path), str(prepared), skip_optimization)
    prepared_at, cpu_at = time.perf_counter(), time.process_time()
    input_name = onnx.load(prepared).graph.input[0].name
    rows = task.rows("calib")
    count = min(options.count or len(rows), len(rows))
    quantize_static(
        str(prepared), options.output, Reader(rows, input_name, count), quant_format=QuantFormat[options.format],
        per_channel=per_channel, reduce_range=options.reduce_range, activation_type=TYPES[options.activation],
        weight_type=QuantType.QInt8, calibrate_method=METHODS[options.method])
    done, cpu_done = time.perf_counter(), time.process_time()
    onnxruntime.InferenceSession(options.output, providers=["CPUExecutionProvider"])  # raises where the file is not valid
    return {"calibration_rows": count, "per_channel": per_channel, "optimized_before": not skip_optimization,
            "prepare_seconds": prepared_at - start, "quantize_seconds": done - prepared_at,
            "seconds": done - start, "quantize_cpu_seconds": cpu_done - cpu_at}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task", choices=datasets.TASKS)
    parser.add_argument("output", help="the Q/DQ file to write")
    parser.add_argument("--method", choices=METHODS, default="minmax")
    parser.add_argument("--activation", choices=TYPES, default="u8", help="activation type; weights are always s8")
    parser.add_argument("--format", choices=["QDQ", "QOperator"], default="QDQ")
    parser.add_argument("--reduce-range", action="store_true", help="7-bit weights")
    parser.add_argument("--count", type=int, help="calibration rows (default: all of the task's)")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    after_import = rss_bytes()
    task, tried = datasets.TASKS[options.task], []
    for way in WAYS:
        try:
            with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
                result = quantize(task, options, way, pathlib.Path(folder))
            break
        except Exception as error:  # whatever their tool raises, the next way is tried and the reason kept
            tried.append(f"optimized_before={not way[0]} per_channel={way[1]}: {type(error).__name__}: {str(error)[:160]}")
    else:
        raise SystemExit("no way to quantize this model worked: " + "; ".join(tried))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({
        "version": onnxruntime.__version__, "task": options.task, "method": options.method,
        "activation": options.activation, "format": options.format, "reduce_range": options.reduce_range, **result,
        "peak_rss_bytes": peak, "rss_after_import_bytes": after_import,
        "input_bytes": task.model_path.stat().st_size, "output_bytes": pathlib.Path(options.output).stat().st_size,
        "tried": tried}))


if __name__ == "__main__":
    main()
