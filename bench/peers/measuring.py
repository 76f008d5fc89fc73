"""Latency over runs in one runtime, on made-up inputs."""

import statistics
import time

import numpy as np


def random_feed(runner, seed: int = 0) -> dict:
    rng = np.random.default_rng(seed)
    return {name: rng.standard_normal(shape).astype(dtype) for name, shape, dtype in runner.inputs}


def latency(runner, feed: dict, seconds: float, least_runs: int) -> dict:
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
    return {"median_ms": statistics.median(times), "min_ms": min(times), "runs": len(times)}
