"""Latency of an ONNX file in OpenVINO (batch 1, median of many single runs), for each number of threads, as one JSON line."""

import measuring
import runners

if __name__ == "__main__":
    measuring.bench_main(__doc__, runners.OpenVinoRunner)
