"""How near the outputs of one ONNX file are to those of another, in ONNX Runtime on the same inputs, as one JSON line.

For every output over all samples: SQNR = 10 log10(sum a^2 / sum (a - b)^2) in dB, cosine, largest difference, and how often
the highest value of a sample lies at the same place along the last axis. Inputs come from a task's rows, from a .npy file
(first axis = samples), or are standard normal with a fixed seed.
"""

import argparse
import json
import math

import numpy as np

import datasets
import measuring
import runners


class Difference:
    """Running sums over samples for one output, in double."""

    def __init__(self):
        self.signal = self.noise = self.other = self.product = self.largest = 0.0
        self.places = self.agreeing = 0

    def add(self, a: np.ndarray, b: np.ndarray) -> None:
        same = (np.argmax(a, axis=-1) == np.argmax(b, axis=-1)) if a.ndim else np.array([True])
        self.places += same.size
        self.agreeing += int(same.sum())
        a, b = a.astype(np.float64).ravel(), b.astype(np.float64).ravel()
        self.signal += float(a @ a)
        self.other += float(b @ b)
        self.product += float(a @ b)
        self.noise += float((a - b) @ (a - b))
        self.largest = max(self.largest, float(np.abs(a - b).max(initial=0.0)))

    def result(self) -> dict:
        sqnr = 10 * math.log10(self.signal / self.noise) if self.noise and self.signal else None
        cosine = self.product / math.sqrt(self.signal * self.other) if self.signal and self.other else None
        return {"sqnr_db": sqnr, "cosine": cosine, "max_abs": self.largest,
                "top1_agreement": self.agreeing / self.places if self.places else None}


def samples(options, runner):
    """Feeds, one sample each."""
    if options.task:
        rows = datasets.TASKS[options.task].rows(options.split)
        for i in range(min(len(rows), options.count or len(rows))):
            yield {runner.inputs[0][0]: rows.sample(i)}
    elif options.npy:
        for sample in np.load(options.npy)[: options.count]:
            yield {runner.inputs[0][0]: sample[None]}
    else:
        for seed in range(options.count or 16):
            yield measuring.random_feed(runner, seed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("reference")
    parser.add_argument("other")
    parser.add_argument("--task", choices=datasets.TASKS, help="inputs from this task's rows")
    parser.add_argument("--split", choices=["judge", "full", "calib"], default="judge")
    parser.add_argument("--npy", help="inputs from this file")
    parser.add_argument("--count", type=int, help="at most so many samples")
    parser.add_argument("--emulate", action="store_true", help="run the other file's Q/DQ in float, without integer kernels")
    options = parser.parse_args()
    reference = runners.OrtRunner(options.reference)
    other = runners.OrtRunner(options.other, emulate=options.emulate)
    differences = [Difference() for _ in reference.output_names]
    count = 0
    for count, feed in enumerate(samples(options, reference), start=1):
        for difference, a, b in zip(differences, reference.run(feed), other.run(feed), strict=True):
            difference.add(a, b)
    outputs = [{"name": name, **difference.result()} for name, difference in zip(reference.output_names, differences)]
    print(json.dumps({"samples": count, "outputs": outputs}))


if __name__ == "__main__":
    main()
