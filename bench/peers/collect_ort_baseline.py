"""Runs ONNX Runtime's quantize_static on every task with every method and writes what came out: one JSON file, a table, and
the predictions of every sample for paired comparisons.

Each step is a process of its own, so that seconds and memory are honest. Accuracy is taken three ways: in ONNX Runtime with
its integer kernels, in ONNX Runtime with Q/DQ emulated in float (no kernel can saturate there), and in OpenVINO. On a CPU
without VNNI the integer kernels of both may saturate with 8-bit weights, hence the 7-bit methods.
Latencies want an otherwise idle machine; --no-latency leaves them out, --only runs and replaces just those tasks.
"""

import argparse
import json
import pathlib
import subprocess
import sys

import numpy as np

import datasets
import paired

HERE = pathlib.Path(__file__).resolve().parent
BUILD = HERE.parents[1] / "build" / "peers"
METHODS = {
    "minmax_u8": ["--method", "minmax"],
    "percentile_u8": ["--method", "percentile"],
    "entropy_u8": ["--method", "entropy"],
    "minmax_u8_7bit": ["--method", "minmax", "--reduce-range"],
    "percentile_u8_7bit": ["--method", "percentile", "--reduce-range"],
    "minmax_s8": ["--method", "minmax", "--activation", "s8"],
}
LATENCY_METHODS = ("minmax_u8", "minmax_s8")  # the others have the same graph as minmax_u8
RUNTIMES = {"ort": ["ort_eval.py"], "ort_emulated": ["ort_eval.py", "--emulate"], "openvino": ["ov_eval.py"]}


def step(script: str, *arguments) -> dict:
    command = [sys.executable, str(HERE / script), *map(str, arguments)]
    print("+", script, *arguments, file=sys.stderr, flush=True)
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        return {"error": done.stderr.strip().splitlines()[-1][:300] if done.stderr.strip() else f"exit {done.returncode}"}
    return json.loads(done.stdout.splitlines()[-1])


def accuracies(name: str, label: str, model) -> dict:
    """Accuracy on the judged rows in each runtime; predictions go to build/peers/preds/TASK.LABEL.RUNTIME.npy."""
    results = {}
    for runtime, (script, *flags) in RUNTIMES.items():
        if label == "float" and runtime == "ort_emulated":
            continue
        preds = BUILD / "preds" / f"{name}.{label}.{runtime}.npy"
        results[runtime] = step(script, name, model, *flags, "--preds", preds)
    return results


def latencies(task, model) -> dict:
    shape = ["--shape", *task.rows("calib").sample(0).shape]
    return {runtime: step(script, model, *shape).get("results")
            for runtime, script in (("ort", "ort_bench.py"), ("openvino", "ov_bench.py"))}


def against_float(name: str, label: str) -> dict:
    tables = [BUILD / "preds" / f"{name}.{which}.npy" for which in (f"{label}.ort_emulated", "float.ort")]
    return paired.compare(*map(np.load, tables)) if all(table.exists() for table in tables) else {}


def run_method(name: str, task, label: str, with_latency: bool) -> dict:
    model = BUILD / "models" / f"{name}.{label}.onnx"
    result = {"quantize": step("ort_quantize.py", name, model, *METHODS[label])}
    if "error" in result["quantize"]:
        return result
    if task.labelled:
        result.update(accuracies(name, label, model), emulated_minus_float=against_float(name, label))
    else:
        result["difference"] = step("sqnr_compare.py", task.model_path, model, "--task", name, "--emulate")
        result["difference_kernels"] = step("sqnr_compare.py", task.model_path, model, "--task", name)
    if with_latency and label in LATENCY_METHODS:
        result["latency"] = latencies(task, model)
    return result


def run_task(name: str, with_latency: bool) -> dict:
    task = datasets.TASKS[name]
    result = {"model": task.model, "float": {}, "methods": {}}
    if task.labelled:
        result["float"] = accuracies(name, "float", task.model_path)
        result["float"]["ort_all_rows"] = step("ort_eval.py", name, "--split", "full")
        result["float"]["readme_top1"] = task.readme_top1
    if with_latency:
        result["float"]["latency"] = latencies(task, task.model_path)
    for label in METHODS:
        result["methods"][label] = run_method(name, task, label, with_latency)
    return result


def cpu() -> dict:
    text = pathlib.Path("/proc/cpuinfo").read_text()
    field = lambda key: next((line.split(":", 1)[1].strip() for line in text.splitlines() if line.startswith(key)), "")
    flags = field("flags").split()
    return {"model": field("model name"), "isa": [isa for isa in ("avx2", "avx_vnni", "avx512f", "avx512_vnni") if isa in flags]}


def percent(entry: dict) -> str:
    return f"{100 * entry['top1']:.2f}" if "top1" in entry else "failed"


def print_table(results: dict) -> None:
    print("| model | method | ORT | ORT emulated | OpenVINO | quantize s | peak MB | bytes |\n|---|---|---|---|---|---|---|---|")
    for name, task in results["tasks"].items():
        if "ort" in task["float"]:
            print(f"| {name} | float | {percent(task['float']['ort'])} | | {percent(task['float']['openvino'])} | | | |")
        for label, method in task["methods"].items():
            cost = method["quantize"]
            if "error" in cost:
                print(f"| {name} | {label} | {cost['error']} | | | | | |")
                continue
            if "ort" in method:
                shown = [percent(method[runtime]) for runtime in RUNTIMES]
            else:
                sqnr = [f"{min(o['sqnr_db'] for o in method[key]['outputs']):.1f} dB" for key in ("difference_kernels", "difference")]
                shown = [*sqnr, ""]
            print(f"| {name} | {label} | {' | '.join(shown)} | {cost['seconds']:.1f} | {cost['peak_rss_bytes'] / 1e6:.0f} | {cost['output_bytes']} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=datasets.TASKS, default=list(datasets.TASKS))
    parser.add_argument("--no-latency", action="store_true")
    parser.add_argument("--output", type=pathlib.Path, default=BUILD / "ort_baseline.json")
    options = parser.parse_args()
    for folder in ("models", "preds"):
        (BUILD / folder).mkdir(parents=True, exist_ok=True)
    results = json.loads(options.output.read_text()) if options.output.exists() else {"tasks": {}}
    results["cpu"] = cpu()
    for name in options.only:
        results["tasks"][name] = run_task(name, not options.no_latency)
        options.output.write_text(json.dumps(results, indent=1) + "\n")
    print_table(results)


if __name__ == "__main__":
    main()
