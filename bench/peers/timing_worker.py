"""Keeps one model open in one runtime and times it whenever asked: a line of seconds in, a line of JSON out (as bench_session --serve).

Each turn begins with a warm-up, as others have had the caches since the last one."""

import argparse
import json
import sys

import measuring
import runners

RUNTIMES = {"ort": runners.OrtRunner, "openvino": runners.OpenVinoRunner}
LEAST_RUNS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runtime", choices=RUNTIMES)
    parser.add_argument("model")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--shape", help="sizes of the first input, comma-separated")
    options = parser.parse_args()
    shape = [int(size) for size in options.shape.split(",")] if options.shape else None
    runner = RUNTIMES[options.runtime](options.model, options.threads, shape)
    feed = measuring.random_feed(runner)
    for _ in range(LEAST_RUNS):
        runner.run(feed)
    print(json.dumps({"ready": True, "version": runner.version}), flush=True)
    for line in sys.stdin:
        print(json.dumps(measuring.latency(runner, feed, float(line), LEAST_RUNS)), flush=True)


if __name__ == "__main__":
    main()
