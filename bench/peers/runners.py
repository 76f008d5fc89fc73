"""One face for the two runtimes that are compared with: open a model with a number of threads, run a feed, get arrays.

A free dimension is taken as 1 unless `shape` gives the first input's sizes.
OpenVINO is told to compute in f32 where the model is float, so that a bf16 machine does not change what is compared.
"""

import numpy as np

ONNX_TYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int64)": np.int64,
              "tensor(int32)": np.int32, "tensor(uint8)": np.uint8, "tensor(int8)": np.int8}


def with_shape(inputs: list, shape) -> list:
    name, default, dtype = inputs[0]
    return [(name, list(shape or default), dtype), *inputs[1:]]


class OrtRunner:
    """ONNX Runtime on the CPU. With emulate=True no graph optimisation runs: Q/DQ pairs stay apart and every operator
    computes in float on the quantized values, which shows a file's accuracy free of any saturation in integer kernels."""

    name = "onnxruntime"

    def __init__(self, path, threads: int = 1, shape=None, emulate: bool = False):
        import onnxruntime

        self.version = onnxruntime.__version__
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        if emulate:
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.inputs = [(i.name, [d if isinstance(d, int) else 1 for d in i.shape], ONNX_TYPES[i.type])
                       for i in self.session.get_inputs()]
        self.inputs = with_shape(self.inputs, shape)
        self.output_names = [output.name for output in self.session.get_outputs()]

    def run(self, feed: dict) -> list:
        return self.session.run(None, feed)


class OpenVinoRunner:
    name = "openvino"

    def __init__(self, path, threads: int = 1, shape=None):
        import openvino

        self.version = openvino.__version__
        core = openvino.Core()
        model = core.read_model(str(path))
        self.inputs = [(port.any_name, [d.get_length() if d.is_static else 1 for d in port.partial_shape],
                        port.element_type.to_dtype()) for port in model.inputs]
        self.inputs = with_shape(self.inputs, shape)
        model.reshape({name: shape for name, shape, _ in self.inputs})
        self.compiled = core.compile_model(model, "CPU", {
            "INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"})
        self.request = self.compiled.create_infer_request()
        self.output_names = [port.any_name for port in self.compiled.outputs]

    def run(self, feed: dict) -> list:
        results = self.request.infer(feed)
        return [results[port].copy() for port in self.compiled.outputs]
