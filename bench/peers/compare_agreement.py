"""Do ONNX Runtime and OpenVINO give the answers that Precis gives, float and int8, on the same files and the same inputs?

Asked for: the same best class on 99.5 % of the samples for int8 files, and float outputs within 1e-4 of each sample's largest value.
Best classes are taken along the last axis of the first output (for a detector: of every place). The int8 file is the one that
`precis quantize` writes by default; OpenVINO is shown the one of `--target openvino` too.
"""

import functools
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

import inputs
import nets
import ours
import results

LEAST_AGREEMENT = 0.995
LARGEST_FLOAT_ERROR = 1e-4
QUICK_ROWS = 50
LIGHT_ROWS = 25
FILES = {"float": None, "int8": (), "int8, target openvino": ("--target", "openvino")}
# Runtimes by file; ort_emulated runs Q/DQ in float, which shows how far two honest readings of one file lie apart.
RUNTIMES = {"float": ("ort", "openvino"), "int8": ("ort", "ort_emulated", "openvino"), "int8, target openvino": ("openvino",)}


def peer_outputs(runtime: str, model, rows: pathlib.Path, folder: pathlib.Path, *flags) -> list:
    command = [sys.executable, str(nets.ROOT / "bench/peers/run_outputs.py"), runtime, str(model), str(rows), str(folder), *flags]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        words = done.stderr.strip().splitlines()
        raise RuntimeError(words[-1][:200] if words else f"the process ended with {done.returncode}")
    return [folder / f"{i}.npy" for i in range(len(json.loads(done.stdout.splitlines()[-1])["outputs"]))]


def best(path: pathlib.Path) -> np.ndarray:
    scores = np.load(path, mmap_mode="r")
    return np.stack([np.argmax(sample, axis=-1) for sample in scores])


def largest_relative(a: pathlib.Path, b: pathlib.Path) -> float:
    """Over the samples, the largest difference against the sample's largest value."""
    worst = 0.0
    for x, y in zip(np.load(a, mmap_mode="r"), np.load(b, mmap_mode="r"), strict=True):
        worst = max(worst, float(np.abs(x.astype(np.float64) - y).max() / max(np.abs(x).max(), 1e-30)))
    return worst


def equal_share(a: pathlib.Path, b: pathlib.Path) -> float:
    """Share of the numbers that are the same up to the last float digits; int8 files of the same integers give 1."""
    pairs = zip(np.load(a, mmap_mode="r"), np.load(b, mmap_mode="r"), strict=True)
    return float(np.mean([np.isclose(x, y, rtol=1e-5, atol=1e-6 * float(np.abs(x).max())).mean() for x, y in pairs]))


def top1(path: pathlib.Path, labels) -> float | None:
    return None if labels is None else float((best(path).ravel() == labels).mean())


def against(mine: list, theirs: list, labels) -> dict:
    return {"agreement": float((best(mine[0]) == best(theirs[0])).mean()),
            "largest_relative": max(largest_relative(a, b) for a, b in zip(mine, theirs, strict=True)),
            "equal_share": min(equal_share(a, b) for a, b in zip(mine, theirs, strict=True)),
            "top1": top1(theirs[0], labels)}


def measure(net: nets.Net, rows: int | None) -> dict:
    entry = {"files": {}}
    fed = inputs.rows_file(net, rows)
    entry["samples"] = len(np.load(fed, mmap_mode="r"))
    entry["differing_input_values"] = inputs.differing_values(net, entry["samples"])
    labels = inputs.labels(net, entry["samples"])
    for label, flags in FILES.items():
        model = net.path if flags is None else ours.int8_file(net, *flags)
        with tempfile.TemporaryDirectory(dir=nets.BUILD) as name:
            folder = pathlib.Path(name)
            mine = ours.outputs(model, fed, folder / "precis")
            result = entry["files"][label] = {"top1": top1(mine[0], labels), "peers": {}}
            for runtime in RUNTIMES[label]:
                try:
                    flags = ["--emulate"] if runtime == "ort_emulated" else []
                    theirs = peer_outputs(runtime.split("_")[0], model, fed, folder / runtime, *flags)
                    result["peers"][runtime] = against(mine, theirs, labels)
                except RuntimeError as error:
                    result["peers"][runtime] = {"failed": str(error)}
    return entry


def percent(share) -> str:
    return "" if share is None else f"{100 * share:.2f} %"


def lines(name: str, entry: dict) -> list:
    rows = []
    for label, file in entry["files"].items():
        for runtime, peer in file["peers"].items():
            if "failed" in peer:
                rows.append([name, label, runtime, entry["samples"], "fails", "", "", "", "", "no"])
                continue
            good = peer["largest_relative"] <= LARGEST_FLOAT_ERROR if label == "float" else peer["agreement"] >= LEAST_AGREEMENT
            rows.append([name, label, runtime, entry["samples"], percent(peer["agreement"]), percent(peer["equal_share"]),
                         f"{peer['largest_relative']:.1e}", percent(file["top1"]), percent(peer["top1"]), "yes" if good else "**no**"])
    return rows


def page(entries: dict) -> list:
    entries = {name: entries[name] for name in nets.NETS if name in entries}
    fed = [[name, entry["samples"], {0: "bit-equal", -1: "other rows"}.get(entry["differing_input_values"], f"{entry['differing_input_values']} values differ")]
           for name, entry in entries.items()]
    failures = [f"- {name}, {label}, {runtime}: {peer['failed']}" for name, entry in entries.items()
                for label, file in entry["files"].items() for runtime, peer in file["peers"].items() if "failed" in peer]
    head = ["model", "file", "runtime", "samples", "same top-1", "same numbers", "largest relative difference", "our top-1", "their top-1", "holds"]
    return [
        "# Agreement with other runtimes", "",
        results.origin("bench/agreement.sh", entries), "",
        "Our runtime against ONNX Runtime and OpenVINO (f32 where the model is float) on the same file and the same inputs. Asked for: for int8 files the "
        "same best class (first output, along its last axis) on at least 99.5 % of the samples, for float files a largest difference, relative to "
        "the sample's largest value, of at most 1e-4. ort_emulated is ONNX Runtime with Q/DQ computed in float. *Same numbers* is the share of output numbers that are equal up to float rounding.", "",
        *results.table(head, [cells for name, entry in entries.items() for cells in lines(name, entry)]), "",
        *(["Not run:", "", *failures, ""] if failures else []),
        "What Precis feeds from the raw data against what the peers' readers (NumPy and Pillow) make of it, for these rows:", "",
        *results.table(["model", "samples", "inputs"], fed)]


def main() -> None:
    parser = results.parser(__doc__.splitlines()[0], list(nets.NETS))
    options = parser.parse_args()
    chosen = [nets.NETS[name] for name in options.only or [net.name for net in nets.REAL]]
    rows = lambda net: QUICK_ROWS if options.quick else LIGHT_ROWS if net.light else None
    jobs = [(net.name, {"rows": rows(net)}, functools.partial(measure, net)) for net in chosen]
    results.write_page(options, "agreement", page(results.run_each("agreement", options, jobs)))


if __name__ == "__main__":
    main()
