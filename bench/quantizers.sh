#!/usr/bin/env bash
# Our quantizer against ONNX Runtime's: docs/results/quantizers.md. --help tells the options.
exec "$(dirname "$0")/peers/run.sh" compare_quantizers.py "$@"
