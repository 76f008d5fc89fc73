"""Runs a model in one runtime over the rows of an .npy file and writes every output, rows stacked, to FOLDER/0.npy, 1.npy ...

A process of its own, as a runtime may crash on a file; the answer is one JSON line with the output names."""

import argparse
import json
import pathlib

import numpy as np

import runners

RUNTIMES = {"ort": runners.OrtRunner, "openvino": runners.OpenVinoRunner}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runtime", choices=RUNTIMES)
    parser.add_argument("model")
    parser.add_argument("inputs")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--emulate", action="store_true", help="ONNX Runtime only: run Q/DQ in float, without integer kernels")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    rows = np.load(options.inputs, mmap_mode="r")
    kind = {"emulate": True} if options.emulate else {}
    runner = RUNTIMES[options.runtime](options.model, options.threads, [1, *rows.shape[1:]], **kind)
    name = runner.inputs[0][0]
    outputs = [[] for _ in runner.output_names]
    for i in range(len(rows)):
        for kept, output in zip(outputs, runner.run({name: rows[i : i + 1]}), strict=True):
            kept.append(output)
    options.folder.mkdir(parents=True, exist_ok=True)
    for i, kept in enumerate(outputs):
        np.save(options.folder / f"{i}.npy", np.concatenate(kept))
    print(json.dumps({"version": runner.version, "outputs": runner.output_names}))


if __name__ == "__main__":
    main()
