#!/usr/bin/env bash
# Models that others quantized, here and in ONNX Runtime: docs/results/foreign.md. --help tells the options.
exec "$(dirname "$0")/peers/run.sh" compare_foreign.py "$@"
