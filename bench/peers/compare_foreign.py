"""Models that others quantized (foreign_files.py), in our runtime and in ONNX Runtime: the same answers, through integer kernels, how fast.

One row per net and form. Answers are those of our default engine on this machine against ONNX Runtime with all its optimizations;
codes are the last QuantizeLinear's of the file, where its output stands for codes. A form that ONNX Runtime's tool does not write for a net, or
that its runtime does not run, is named with its reason.
"""

import functools
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import numpy_helper

import compare_agreement
import compare_speed
import foreign_files
import inputs
import nets
import ours
import results

NETS = ("squeezenet", "mobilenet", "resnet20", "mnist", "kws", "kws_lstm")
ROWS, ROUNDS, SECONDS = 40, 5, 0.1
MOVES = {"Reorder", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Concat", "Slice", "Identity", "Split"}


def foreign_file(net: nets.Net, form: str) -> pathlib.Path:
    path = nets.BUILD / "foreign" / f"{net.name} {form}.onnx".replace(" ", "_").replace(",", "")
    made_by = pathlib.Path(foreign_files.__file__).stat().st_mtime
    if path.exists() and path.stat().st_mtime > made_by:
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    done = subprocess.run([sys.executable, foreign_files.__file__, net.name, form, str(part)], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"not written by the tool: {done.stderr.strip().splitlines()[-1][:160]}")
    part.rename(path)
    return path


def last_scale(path: pathlib.Path) -> float | None:
    """Scale of the codes that the first output stands for."""
    graph = onnx.load(path).graph
    makers = {name: node for node in graph.node for name in node.output}
    node = makers.get(graph.output[0].name)
    while node is not None and node.op_type in ("Reshape", "Flatten", "Identity", "Squeeze"):
        node = makers.get(node.input[0])
    if node is None or node.op_type != "DequantizeLinear":
        return None
    values = {t.name: t for t in graph.initializer}
    scale = numpy_helper.to_array(values[node.input[1]]) if node.input[1] in values else np.zeros(2)
    return float(scale.reshape(-1)[0]) if scale.size == 1 else None


def plan_facts(path: pathlib.Path) -> dict:
    """Steps, and those that compute in float behind the first and before the last one on codes."""
    steps = [s for s in ours.precis("inspect", path, "--plan")["plan"]["steps"]]
    at = [i for i, s in enumerate(steps) if s["quantized"]]
    between = steps[at[0]: at[-1] + 1] if at else []
    real = [s for s in between if s["op"] not in MOVES and (not s["quantized"] or s["float_fallback"])]
    macs = sum(s["macs"] for s in steps)
    integer = sum(s["macs"] for s in steps if s["quantized"] and not s["float_fallback"])
    return {"steps": len(steps), "quantized": len(at), "float_between": [s["op"] for s in real],
            "reference": sorted({s["op"] for s in steps if s["kernel"] == "reference"}), "integer_macs": integer / macs if macs else 0}


def latency(net: nets.Net, path: pathlib.Path) -> dict:
    timers = {kind: compare_speed.Timer(kind, path, 1, net.shape) for kind in ("precis", "ort")}
    try:
        for timer in timers.values():
            timer.answer()
        turns = {kind: [] for kind in timers}
        for number in range(ROUNDS):
            for kind in list(timers)[:: 1 if number % 2 else -1]:
                turns[kind].append(timers[kind].turn(SECONDS)["min_ms"])
    finally:
        for timer in timers.values():
            timer.close()
    return {"precis_ms": min(turns["precis"]), "ort_ms": min(turns["ort"]), "ratio": min(turns["ort"]) / min(turns["precis"])}


def measure(net: nets.Net, form: str) -> dict:
    try:
        path = foreign_file(net, form)
    except RuntimeError as error:
        return {"refused": str(error)}
    fed = inputs.rows_file(net, ROWS)
    with tempfile.TemporaryDirectory(dir=nets.BUILD) as name:
        folder = pathlib.Path(name)
        mine = ours.outputs(path, fed, folder / "precis")
        entry = plan_facts(path)
        try:
            theirs = compare_agreement.peer_outputs("ort", path, fed, folder / "ort")
        except RuntimeError as error:
            return {**entry, "refused": f"not run by ONNX Runtime: {error}"[:200]}
        entry.update(compare_agreement.against(mine, theirs, None))
        scale = last_scale(path)
        if scale:
            worst = max(float(np.abs(a - b).max()) for a, b in zip(np.load(mine[0]), np.load(theirs[0]), strict=True))
            entry["codes"] = round(worst / scale)
    return {**entry, **latency(net, path)}


def counted(ops: list) -> str:
    return ", ".join(f"{ops.count(op)} {op}" for op in sorted(set(ops))) or "none"


def line(key: str, e: dict) -> list:
    net, form = key.split(": ", 1)
    if "agreement" not in e:
        return [net, form, e["refused"], "", "", "", "", "", "", ""]
    return [net, form, compare_agreement.percent(e["agreement"]), e.get("codes", ""), compare_agreement.percent(e["equal_share"]),
            f"{e['quantized']} of {e['steps']}", compare_agreement.percent(e["integer_macs"]), counted(e["float_between"]),
            f"{e['precis_ms']:.3f}", f"{e['ratio']:.2f}"]


def page(entries: dict) -> list:
    head = ["model", "form", "same top-1", "codes differ by", "same numbers", "steps on codes", "MACs on codes", "float between",
            "our ms", "theirs / ours"]
    shown = [f"{net}: {form}" for net in NETS for form in foreign_files.FORMS if f"{net}: {form}" in entries]
    ratios = [entries[key]["ratio"] for key in shown if "ratio" in entries[key]]
    return ["# Models quantized by others", "", results.origin("bench/foreign.sh", entries), "",
            f"Files by ONNX Runtime's quantize_static and quantize_dynamic and four-bit weights (bench/peers/foreign_files.py), {ROWS} rows each, batch 1, one thread; "
            "ONNX Runtime with all optimizations. *Codes differ by*: the largest difference where the output stands for codes. *Float between*: steps "
            "that compute in float behind the first and before the last step on codes. Times are smallest ones, in turns.", "",
            f"Geometric mean of their time / ours over {len(ratios)} files: **{results.geometric_mean(ratios):.2f}**.", "",
            *results.table(head, [line(key, entries[key]) for key in shown])]


def main() -> None:
    parser = results.parser(__doc__.splitlines()[0], list(NETS))
    parser.add_argument("--forms", nargs="+", choices=foreign_files.FORMS, default=foreign_files.FORMS, metavar="FORM")
    options = parser.parse_args()
    jobs = [(f"{name}: {form}", {"form": form}, functools.partial(measure, nets.NETS[name]))
            for name in options.only or NETS for form in options.forms]
    results.write_page(options, "foreign", page(results.run_each("foreign", options, jobs)))


if __name__ == "__main__":
    main()
