#!/usr/bin/env bash
# Paired speed of Precis, ONNX Runtime and OpenVINO, float and int8: docs/results/speed.md. --help tells the options.
exec "$(dirname "$0")/peers/run.sh" compare_speed.py "$@"
