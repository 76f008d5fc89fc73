"""What every *_eval and *_bench script does, whatever the runtime: accuracy over rows, latency over runs."""

import argparse
import json
import statistics
import time

import numpy as np

import datasets

TOP = 5


def best_classes(scores: np.ndarray) -> np.ndarray:
    """Class ids of the TOP highest scores, highest first; of equal scores the lower id comes first."""
    return np.argsort(-scores.ravel(), kind="stable")[:TOP]


def evaluate(runner, rows) -> tuple[np.ndarray, np.ndarray]:
    """A table of one row a sample: the label, then the TOP predicted classes (int32 [samples, 1 + TOP]); and the scores."""
    name = runner.inputs[0][0]
    table = np.empty((len(rows), 1 + TOP), np.int32)
    scores = []
    for i in range(len(rows)):
        scores.append(runner.run({name: rows.sample(i)})[0].ravel())
        table[i] = [rows.label(i), *best_classes(scores[-1])]
    return table, np.stack(scores)


def accuracy(table: np.ndarray) -> dict:
    hits = table[:, 1:] == table[:, :1]
    return {"samples": len(table), "top1": float(hits[:, 0].mean()), "top5": float(hits.any(axis=1).mean())}


def random_feed(runner, seed: int = 0) -> dict:
    rng = np.random.default_rng(seed)
    return {name: rng.standard_normal(shape).astype(dtype) for name, shape, dtype in runner.inputs}


def latency(runner, feed: dict, seconds: float = 2.0, least_runs: int = 20) -> dict:
    """Wall time of single runs: warm up for a fifth of the time, then measure for `seconds`, least_runs at least."""
    warm_until = time.perf_counter() + seconds / 5
    while time.perf_counter() < warm_until:
        runner.run(feed)
    times = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until or len(times) < least_runs:
        start = time.perf_counter()
        runner.run(feed)
        times.append(1000 * (time.perf_counter() - start))
    return {"median_ms": statistics.median(times), "p90_ms": float(np.percentile(times, 90)),
            "min_ms": min(times), "runs": len(times)}


def eval_main(description: str, open_runner, with_emulation: bool = False) -> None:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("task", choices=datasets.LABELLED)
    parser.add_argument("model", nargs="?", help="ONNX file (default: the task's float model)")
    parser.add_argument("--split", choices=["judge", "full", "calib"], default="judge")
    parser.add_argument("--preds", help="write label and best classes of every sample to this .npy file")
    parser.add_argument("--outputs", help="write the model's first output for every sample to this .npy file")
    if with_emulation:
        parser.add_argument("--emulate", action="store_true", help="run Q/DQ in float, without integer kernels")
    options = parser.parse_args()
    task = datasets.TASKS[options.task]
    kind = {"emulate": options.emulate} if with_emulation else {}
    runner = open_runner(options.model or task.model_path, **kind)
    table, scores = evaluate(runner, task.rows(options.split))
    if options.preds:
        np.save(options.preds, table)
    if options.outputs:
        np.save(options.outputs, scores)
    print(json.dumps({"runtime": runner.name, "version": runner.version, "task": options.task,
                      "split": options.split, **kind, **accuracy(table)}))


def bench_main(description: str, open_runner) -> None:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("model", help="ONNX file; its inputs are standard normal, seed 0")
    parser.add_argument("--shape", type=int, nargs="+", help="sizes of the first input (default: free dimensions are 1)")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--seconds", type=float, default=2.0, help="measured time for each thread count")
    options = parser.parse_args()
    results = []
    for threads in options.threads:
        runner = open_runner(options.model, threads, options.shape)
        results.append({"threads": threads, **latency(runner, random_feed(runner), options.seconds)})
    print(json.dumps({"runtime": runner.name, "version": runner.version, "results": results}))
