"""Where results are kept: one JSON file under build/bench/results per comparison, an entry per net, written as soon as it is there,
so that an interrupted run goes on with --resume; and the Markdown pages in docs/results/ that are made of them."""

import argparse
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys
import time

import nets
import ours


class Store:
    """Entries by key; an entry remembers the build it was measured with."""

    def __init__(self, name: str):
        self.path = nets.BUILD / "results" / f"{name}.json"
        self.entries = json.loads(self.path.read_text()) if self.path.exists() else {}

    def has(self, key: str, options: dict) -> bool:
        entry = self.entries.get(key)
        return entry is not None and entry["build"] == ours.build_id() and entry["options"] == options

    def put(self, key: str, options: dict, entry: dict) -> None:
        about = {"build": ours.build_id(), "commit": commit(), "date": time.strftime("%Y-%m-%d")}
        self.entries[key] = {**about, "options": options, **entry}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(self.entries, indent=1) + "\n")


def run_each(comparison: str, options, jobs) -> dict:
    """Runs the (key, plan, function of the plan) jobs one by one and keeps each result at once; a net that fails is named and passed
    over. Returns all entries, those of earlier runs included."""
    store = Store(f"{comparison}_quick" if options.quick else comparison)
    for key, plan, measure in jobs:
        if options.resume and store.has(key, plan):
            continue
        print(f"{comparison}: {key}", file=sys.stderr, flush=True)
        try:
            store.put(key, plan, measure(**plan))
        except (RuntimeError, OSError, ValueError) as error:
            print(f"{comparison}: {key} failed: {error}", file=sys.stderr, flush=True)
            options.failed.append(key)
    return store.entries


def parser(description: str, choices) -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(description=description)
    p.add_argument("--only", nargs="+", choices=choices, metavar="NET", help=f"these nets alone: {' '.join(choices)}")
    p.add_argument("--quick", action="store_true", help="a fraction of the time or rows, for a first look")
    p.add_argument("--resume", action="store_true", help="keep what this build has measured already")
    p.add_argument("--page", type=pathlib.Path, help="write the Markdown page here (default: in docs/results, not with --quick)")
    p.set_defaults(failed=[])
    return p


def write_page(options, name: str, lines: list) -> None:
    default = None if options.quick else nets.ROOT / "docs" / "results" / f"{name}.md"
    page = options.page or default
    text = "\n".join(lines) + "\n"
    if page is None:
        print(text)
    else:
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(text)
        print(f"wrote {page}")
    if options.failed:
        raise SystemExit(f"{name}: failed: {' '.join(options.failed)}")


def machine() -> str:
    text = pathlib.Path("/proc/cpuinfo").read_text()
    field = lambda key: next((line.split(":", 1)[1].strip() for line in text.splitlines() if line.startswith(key)), "")
    flags = field("flags").split()
    isa = [flag for flag in ("avx2", "avx_vnni", "avx512f", "avx512_vnni", "amx_int8") if flag in flags]
    return f"{field('model name')} ({', '.join(isa)}), {len(os.sched_getaffinity(0))} logical processors"


def versions() -> str:
    import onnxruntime
    import openvino

    return f"ONNX Runtime {onnxruntime.__version__}, OpenVINO {openvino.__version__.split('-')[0]}"


def commit() -> str:
    done = subprocess.run(["git", "-C", str(nets.ROOT), "describe", "--always", "--dirty"], capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


def origin(command: str, entries: dict) -> str:
    """Where a page comes from; says so when its rows are not of one build."""
    seen = lambda key: ", ".join(sorted({entry[key] for entry in entries.values()}))
    mixed = " **Not all rows are from the same build.**" if len({entry["build"] for entry in entries.values()}) > 1 else ""
    return f"Made by `{command}` on {machine()}; {versions()}; commit {seen('commit')}; {seen('date')}.{mixed}"


def row(cells) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def table(head: list, rows: list) -> list:
    return [row(head), row(["---"] * len(head)), *map(row, rows)]


def geometric_mean(values) -> float:
    values = list(values)
    return math.exp(statistics.fmean(map(math.log, values))) if values else math.nan
