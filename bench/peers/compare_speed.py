"""Latency of batch 1 in Precis, ONNX Runtime and OpenVINO, float and int8, on the same files, in turns.

Every runtime has a process of its own for float and for int8 that stays alive. A round gives each of them one turn (a warm-up, then single
runs for a fraction of a second), the next round begins with another one. Ratios are taken within a round, so that a machine that
slows down does so for all; the page gives their median over the rounds and their middle half. int8 is one file, written by
`precis quantize` with its default flags.
"""

import functools
import json
import select
import statistics
import subprocess
import sys

import nets
import ours
import results

WORKER = [sys.executable, str(nets.ROOT / "bench" / "peers" / "timing_worker.py")]
PATIENCE_SECONDS = 120
KINDS = [f"{runtime}.{form}" for form in ("float", "int8") for runtime in ("precis", "ort", "openvino")]
RATIOS = [("float_ort", "ort.float", "precis.float"), ("float_openvino", "openvino.float", "precis.float"),
          ("int8_ort", "ort.int8", "precis.int8"), ("int8_openvino", "openvino.int8", "precis.int8"),
          ("int8_float", "precis.float", "precis.int8")]


class Timer:
    """One model in one runtime, in its own process."""

    def __init__(self, kind: str, model, threads: int, shape):
        runtime = kind.split(".")[0]
        command = [str(ours.BENCH_SESSION), str(model), "--serve"] if runtime == "precis" else [*WORKER, runtime, str(model)]
        command += ["--threads", str(threads), "--shape", ",".join(map(str, shape))]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def answer(self) -> dict:
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE_SECONDS)  # one line is all there is to read
        line = self.process.stdout.readline() if ready else ""
        if not ready:
            self.process.kill()
        if not line:
            words = self.process.stderr.read().strip().splitlines()
            raise RuntimeError(words[-1][:300] if words else f"the process ended with {self.process.wait()}")
        return json.loads(line)

    def turn(self, seconds: float) -> dict:
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()
        return self.answer()

    def close(self) -> None:
        try:
            self.process.stdin.close()  # ends it, if it has not ended
        except BrokenPipeError:
            pass
        self.process.wait()


def spread(ratios: list) -> dict:
    low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else ratios * 3
    return {"median": middle, "low": low, "high": high}


def measure(net: nets.Net, threads: int, rounds: int, seconds: float) -> dict:
    models = {"float": net.path, "int8": ours.int8_file(net)}
    timers = {kind: Timer(kind, models[kind.split(".")[1]], threads, net.shape) for kind in KINDS}
    macs, failed, turns = None, {}, {kind: [] for kind in KINDS}

    def answer_of(kind: str, ask) -> dict | None:
        """None, and the reason kept, from a runtime that cannot open or run the file: it is left out from then on."""
        if kind in failed:
            return None
        try:
            return ask()
        except (RuntimeError, OSError) as error:
            failed[kind] = str(error)
            return None

    try:
        for kind, timer in timers.items():
            opened = answer_of(kind, timer.answer)
            macs = (opened or {}).get("macs") or macs
        for number in range(rounds):
            first = number % len(KINDS)
            for kind in KINDS[first:] + KINDS[:first]:
                turns[kind].append(answer_of(kind, lambda: timers[kind].turn(seconds)))
    finally:
        for timer in timers.values():
            timer.close()
    kinds = [kind for kind in KINDS if kind not in failed]
    entry = {"macs": macs, "failed": failed}
    for by in ("median_ms", "min_ms"):
        ms = {kind: [turn[by] for turn in turns[kind]] for kind in kinds}
        entry[by] = {kind: statistics.median(values) for kind, values in ms.items()}
        entry[f"ratios_of_{by}"] = {name: spread([a / b for a, b in zip(ms[top], ms[bottom])])
                                    for name, top, bottom in RATIOS if top in ms and bottom in ms}
    return entry


def line(key: str, entry: dict, by: str) -> list:
    name, threads = key.rsplit("@", 1)
    ms = lambda kind: f"{entry[by][kind]:.3f}" if kind in entry[by] else "fails"

    def ratio(which: str) -> str:
        r = entry[f"ratios_of_{by}"].get(which)
        return f"**{r['median']:.2f}** ({r['low']:.2f}-{r['high']:.2f})" if r else ""

    return [name, f"{2 * entry['macs'] / 1e6:.1f}" if entry["macs"] else "", threads, ms("precis.float"), ms("ort.float"), ms("openvino.float"), ratio("float_ort"),
            ratio("float_openvino"), ms("precis.int8"), ms("ort.int8"), ms("openvino.int8"), ratio("int8_ort"), ratio("int8_openvino"), ratio("int8_float")]


HEAD = ["model", "MFLOP", "threads", "float ms", "ORT", "OV", "ORT / ours", "OV / ours", "int8 ms", "ORT", "OV", "ORT / ours", "OV / ours", "our float / int8"]


def means(entries: dict, by: str) -> list:
    rows = []
    for label, chosen in (("CNNs of the real data", False), ("light graphs", True), ("all", None)):
        for threads in sorted({key.rsplit("@", 1)[1] for key in entries}):
            of = [entry for key, entry in entries.items()
                  if key.endswith(f"@{threads}") and chosen in (None, nets.NETS[key.rsplit("@", 1)[0]].light)]
            ratios = [[e[f"ratios_of_{by}"][name]["median"] for e in of if name in e[f"ratios_of_{by}"]] for name, _, _ in RATIOS]
            if of:
                rows.append([label, threads, *(f"{results.geometric_mean(values):.2f}" if values else "" for values in ratios)])
    return rows


def page(entries: dict, by: str) -> list:
    entries = {key: entries[key] for name in nets.NETS for key in sorted(entries) if key.rsplit("@", 1)[0] == name}
    example = next(iter(entries.values()))
    failures = [f"- {key}, {kind}: {why}" for key, entry in entries.items() for kind, why in entry["failed"].items()]
    return [
        "# Speed", "", results.origin("bench/speed.sh" + (" --by min" if by == "min_ms" else ""), entries), "",
        "Latency of one sample in milliseconds. All runtimes run in turns in one run, each in its own process, "
        f"{example['options']['rounds']} rounds of {example['options']['seconds']} s each; a time is the median over the rounds of the round's "
        f"{'shortest run' if by == 'min_ms' else 'median'}. A ratio above 1 says that we are faster; it is the median of the ratios within a round, with their middle half. "
        "Float is f32 in all three. int8 is the same Q/DQ file for all, written by `precis quantize` with its default flags.", "",
        *results.table(HEAD, [line(key, entry, by) for key, entry in entries.items()]), "",
        "Geometric means of the ratios:", "",
        *results.table(["models", "threads", "float: ORT / ours", "float: OV / ours", "int8: ORT / ours", "int8: OV / ours", "our float / int8"], means(entries, by)),
        *(["", "Not run:", "", *failures] if failures else [])]


def main() -> None:
    parser = results.parser(__doc__.splitlines()[0], list(nets.NETS))
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float, help="of one turn")
    parser.add_argument("--by", choices=["median", "min"], default="median", help="what a turn counts as; min sees less of a busy machine")
    options = parser.parse_args()
    plan = {"rounds": options.rounds or (3 if options.quick else 7), "seconds": options.seconds or (0.1 if options.quick else 0.3)}
    jobs = [(f"{name}@{threads}", plan, functools.partial(measure, nets.NETS[name], threads))
            for name in options.only or nets.NETS for threads in options.threads]
    results.write_page(options, "speed", page(results.run_each("speed", options, jobs), f"{options.by}_ms"))


if __name__ == "__main__":
    main()
