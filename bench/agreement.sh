#!/usr/bin/env bash
# Do ONNX Runtime and OpenVINO give our answers on our files? docs/results/agreement.md. --help tells the options.
exec "$(dirname "$0")/peers/run.sh" compare_agreement.py "$@"
