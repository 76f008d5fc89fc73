"""Our quantizer against ONNX Runtime's quantize_static, side by side: accuracy on rows that calibration did not see, seconds, peak
memory, bytes.

Both take the same calibration rows, weights per channel, activations u8. Every int8 file is judged twice: in ONNX Runtime with its
integer kernels and in our runtime. Our default method is compared with the best of ONNX Runtime's by the paired 95 % interval.
Their tool is slow, so its files and costs are kept in build/peers/quantized; --again makes them anew. What a run costs is the median
over TURNS runs of each; with --again both take turns.
"""

import json
import math
import pathlib
import statistics
import subprocess
import sys
import tempfile

import numpy as np

import compare_agreement as agreement
import inputs
import nets
import ours
import paired
import results

QUICK_ROWS = 50
TURNS = 5
OBSERVERS = ("minmax", "percentile", "entropy")
OURS = {"ours mse (default)": [], **{f"ours {observer}": ["--observer", observer] for observer in OBSERVERS}}
THEIRS = {f"ORT {observer}": observer for observer in OBSERVERS}
KEPT = nets.ROOT / "build" / "peers" / "quantized"


def their_file(net: nets.Net, observer: str, again: bool) -> tuple[pathlib.Path, dict]:
    model = KEPT / f"{net.name}.{observer}.onnx"
    cost = model.with_suffix(".json")
    if again or not (model.exists() and cost.exists()):
        KEPT.mkdir(parents=True, exist_ok=True)
        command = [*ours.SMALL_PARENT, sys.executable, str(nets.ROOT / "bench/peers/ort_quantize.py"), net.name, str(model), "--method", observer]
        print("+ ORT", net.name, observer, file=sys.stderr, flush=True)
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr.strip().splitlines()[-1][:200])
        cost.write_text(done.stdout.splitlines()[-1])
    told = json.loads(cost.read_text())
    return model, {"seconds": told["seconds"], "peak_rss_bytes": told["peak_rss_bytes"], "bytes": told["output_bytes"],
                   "per_channel": told["per_channel"], "calibration_rows": told["calibration_rows"]}


def our_file(net: nets.Net, flags: list, path: pathlib.Path) -> tuple[pathlib.Path, dict]:
    told = ours.quantize(net, path, "--no-verify", *flags)
    return path, {"seconds": told["seconds"], "peak_rss_bytes": told["peak_rss_bytes"], "bytes": told["output"]["bytes"],
                  "per_channel": True, "calibration_rows": told["calibration_samples"]}


def sqnr(reference: pathlib.Path, other: pathlib.Path) -> float:
    signal = noise = 0.0
    for a, b in zip(np.load(reference, mmap_mode="r"), np.load(other, mmap_mode="r"), strict=True):
        a = a.astype(np.float64)
        signal += float((a * a).sum())
        noise += float(((a - b) ** 2).sum())
    return 10 * math.log10(signal / noise) if noise else 300.0


class Judge:
    """Runs files over the judged rows in both runtimes and compares with the float model in ONNX Runtime."""

    def __init__(self, net: nets.Net, rows: int | None, folder: pathlib.Path):
        self.fed, self.folder = inputs.rows_file(net, rows), folder
        self.samples = len(np.load(self.fed, mmap_mode="r"))
        self.labels = inputs.labels(net, self.samples)
        self.float = agreement.peer_outputs("ort", net.path, self.fed, folder / "float")

    def float_top1(self) -> float | None:
        return agreement.top1(self.float[0], self.labels)

    def judged(self, model: pathlib.Path) -> dict:
        outputs = {"ort": agreement.peer_outputs("ort", model, self.fed, self.folder / "ort"),
                   "precis": ours.outputs(model, self.fed, self.folder / "precis")}
        found = {}
        for runtime, files in outputs.items():
            classes = agreement.best(files[0])
            found[runtime] = {
                "agreement": float((classes == agreement.best(self.float[0])).mean()),
                "sqnr_db": min(sqnr(a, b) for a, b in zip(self.float, files, strict=True)),
                "right": None if self.labels is None else (classes.ravel() == self.labels).astype(int).tolist()}
        return found


def attempt(make) -> tuple[pathlib.Path | None, dict]:
    """The file and what it cost, or the reason why there is none."""
    try:
        return make()
    except RuntimeError as error:
        return None, {"failed": str(error)}


def typical(runs: list[dict]) -> dict:
    """One of several runs that made the same file, with the medians of what differs."""
    if any("failed" in run for run in runs):
        return next(run for run in runs if "failed" in run)
    return {**runs[-1], **{key: statistics.median(run[key] for run in runs) for key in ("seconds", "peak_rss_bytes")}}


def made_in_turns(net: nets.Net, observer: str, folder: pathlib.Path, again: bool) -> dict:
    """Both tools' files with one observer: method -> (file, cost)."""
    names = {"ours": f"ours {observer}", "theirs": f"ORT {observer}"}
    runs = {name: [] for name in names.values()}
    for _ in range(TURNS):
        mine, cost = attempt(lambda: our_file(net, OURS[names["ours"]], folder / f"{observer}.onnx"))
        runs[names["ours"]].append(cost)
        theirs, cost = attempt(lambda: their_file(net, observer, again))
        runs[names["theirs"]].append(cost)
    kept = typical(runs[names["theirs"]])
    if again and theirs is not None:
        theirs.with_suffix(".json").write_text(json.dumps({**json.loads(theirs.with_suffix(".json").read_text()),
                                                           "seconds": kept["seconds"], "peak_rss_bytes": kept["peak_rss_bytes"]}))
    return {names["ours"]: (mine, typical(runs[names["ours"]])), names["theirs"]: (theirs, kept)}


def measure(net: nets.Net, rows: int | None, again: bool) -> dict:
    entry = {"methods": {}}
    default = next(iter(OURS))
    with tempfile.TemporaryDirectory(dir=nets.BUILD) as name:
        folder = pathlib.Path(name)
        judge = Judge(net, rows, folder)
        entry.update(samples=judge.samples, float_top1=judge.float_top1(), float_bytes=net.path.stat().st_size)
        made = {default: attempt(lambda: our_file(net, OURS[default], folder / "ours.onnx"))}
        for observer in OBSERVERS:
            made.update(made_in_turns(net, observer, folder, again))
        for method in [*OURS, *THEIRS]:
            model, cost = made[method]
            entry["methods"][method] = cost if "failed" in cost else {**cost, "judged": judge.judged(model)}
    return entry


def score(method: dict, runtime: str) -> float:
    """What makes a method the better one: top-1 where there are labels, else the agreement with the float model, then SQNR."""
    judged = method["judged"][runtime]
    return (np.mean(judged["right"]) if judged["right"] else judged["agreement"]) + 1e-6 * judged["sqnr_db"]


def accuracy_rows(name: str, entry: dict) -> list:
    rows = [[name, "float", agreement.percent(entry["float_top1"]), "", "", "", "", "", entry["float_bytes"]]]
    for label, m in entry["methods"].items():
        if "failed" in m:
            rows.append([name, label, f"fails: {m['failed']}", *[""] * 6])
            continue
        shown = [f(m["judged"][runtime]) for f in (
            lambda j: agreement.percent(np.mean(j["right"]) if j["right"] else None), lambda j: agreement.percent(j["agreement"]),
            lambda j: f"{j['sqnr_db']:.1f}") for runtime in ("ort", "precis")]
        rows.append([name, label + ("" if m["per_channel"] else " (per tensor)"), *shown, m["bytes"]])
    return rows


def paired_rows(name: str, entry: dict) -> list:
    rows = []
    for runtime in ("ort", "precis"):
        mine = entry["methods"]["ours mse (default)"]
        theirs = {label: m for label, m in entry["methods"].items() if label in THEIRS and "judged" in m}
        if "failed" in mine or not theirs:
            continue
        best = max(theirs, key=lambda label: score(theirs[label], runtime))
        a, b = mine["judged"][runtime], theirs[best]["judged"][runtime]
        cells = [name, {"ort": "ONNX Runtime", "precis": "ours"}[runtime], best]
        if a["right"]:
            d = paired.paired_interval(np.array(a["right"], bool), np.array(b["right"], bool))
            rows.append([*cells, f"{100 * d['difference']:+.2f} % top-1", f"{100 * d['low']:+.2f} to {100 * d['high']:+.2f} %", f"{d['p_value']:.3f}"])
        else:
            rows.append([*cells, f"{100 * (a['agreement'] - b['agreement']):+.2f} % agreement, {a['sqnr_db'] - b['sqnr_db']:+.1f} dB", "", ""])
    return rows


def cost_rows(name: str, entry: dict) -> list:
    rows = []
    for observer in OBSERVERS:
        a, b = entry["methods"][f"ours {observer}"], entry["methods"][f"ORT {observer}"]
        if "failed" in a or "failed" in b:
            continue
        megabytes = [f"{m['peak_rss_bytes'] / 1e6:.0f}" for m in (a, b)]
        rows.append([name, observer, a["calibration_rows"], f"{a['seconds']:.2f}", f"{b['seconds']:.2f}", f"**{b['seconds'] / a['seconds']:.1f}**",
                     *megabytes, f"{b['peak_rss_bytes'] / a['peak_rss_bytes']:.1f}"])
    return rows


def page(entries: dict) -> list:
    entries = {name: entries[name] for name in nets.NETS if name in entries}
    judged = ", ".join(f"{name} {entry['samples']}" for name, entry in entries.items())
    gather = lambda rows_of: [row for name, entry in entries.items() for row in rows_of(name, entry)]
    return [
        "# Quantizers", "", results.origin("bench/quantizers.sh", entries), "",
        "`precis quantize` against ONNX Runtime's quantize_static on the same calibration rows (weights per channel, activations u8), judged on other "
        f"rows: {judged}.", "",
        "## Accuracy", "", "Every file runs in both runtimes, with integer kernels. Agreement and SQNR (the worst output's) are against the float model.", "",
        *results.table(["model", "method", "top-1 in ORT", "top-1 in ours", "agreement in ORT", "in ours", "SQNR dB in ORT", "in ours", "bytes"], gather(accuracy_rows)), "",
        "## Our default against the best of ONNX Runtime's methods", "",
        "The best is chosen after the fact, in their favour. Paired difference on the same rows, 95 % interval (Bonett and Price), McNemar's exact p.", "",
        *results.table(["model", "judged in", "best of ORT", "ours minus theirs", "95 %", "p"], gather(paired_rows)), "",
        "## Cost", "", "Seconds of the whole run, decoding included, imports of Python not; peak memory of the process (ONNX Runtime's with Python and its imports). "
        f"Medians over {TURNS} runs of each, in turns.", "",
        *results.table(["model", "observer", "rows", "our s", "ORT s", "times faster", "our MB", "ORT MB", "times less"], gather(cost_rows))]


def main() -> None:
    parser = results.parser(__doc__.splitlines()[0], [net.name for net in nets.REAL])
    parser.add_argument("--again", action="store_true", help="run ONNX Runtime's tool again where its file is there already")
    options = parser.parse_args()
    plan = {"rows": QUICK_ROWS if options.quick else None}
    jobs = [(name, plan, lambda rows, net=nets.NETS[name]: measure(net, rows, options.again)) for name in options.only or [net.name for net in nets.REAL]]
    results.write_page(options, "quantizers", page(results.run_each("quantizers", options, jobs)))


if __name__ == "__main__":
    main()
