"""Precis as a program: one call a process, its JSON document as a dict; int8 files are made once per build and flags."""

import functools
import hashlib
import json
import os
import pathlib
import subprocess
import tempfile

import nets

RELEASE = nets.ROOT / "build" / "release"
# Linux counts the memory of the process that starts a program to the program's own peak: a shell in between is small.
SMALL_PARENT = ["/bin/sh", "-c", '"$@"; exit $?', "sh"]
PRECIS = pathlib.Path(os.environ.get("PRECIS", RELEASE / "precis" / "cli" / "precis"))
BENCH_SESSION = RELEASE / "bench" / "bench_session"


@functools.cache
def build_id() -> str:
    """Changes with the programs and the library."""
    digest = hashlib.sha256()
    for file in (PRECIS, RELEASE / "precis" / "libprecis.so", BENCH_SESSION):
        if file.exists():
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def precis(command: str, *arguments) -> dict:
    with tempfile.NamedTemporaryFile(suffix=".json") as document:
        line = [*SMALL_PARENT, str(PRECIS), command, *map(str, arguments), "--progress", "none", "-q", f"--json={document.name}"]
        done = subprocess.run(line, capture_output=True, text=True)
        text = pathlib.Path(document.name).read_text()
        if done.returncode or not text:
            raise RuntimeError(f"precis {command} ended with {done.returncode}: {done.stderr.strip()[:300]}")
        return json.loads(text)


def quantize(net: nets.Net, output: pathlib.Path, *flags) -> dict:
    return precis("quantize", net.path, "--calib", net.source("calib"), *net.preprocessing(), "-o", output, "-f", "--no-bench", *flags)


def int8_file(net: nets.Net, *flags) -> pathlib.Path:
    """The net quantized by this build with `flags`; reused while build, flags and float file stay the same."""
    label = "".join(flag.replace("--", "-").replace("/", "_") for flag in map(str, flags))
    output = nets.BUILD / "int8" / f"{net.name}{label}.onnx"
    stamp = output.with_suffix(".stamp")
    wanted = f"{build_id()} {net.path.stat().st_mtime_ns} {net.calib}"
    if not (output.exists() and stamp.exists() and stamp.read_text() == wanted):
        output.parent.mkdir(parents=True, exist_ok=True)
        quantize(net, output, "--no-verify", *flags)
        stamp.write_text(wanted)
    return output


def outputs(model, inputs: pathlib.Path, folder: pathlib.Path, *flags) -> list:
    """Paths of the outputs for all rows of an .npy file, in the model's order."""
    done = precis("run", model, "--data", inputs, "-o", folder, "-f", *flags)
    return [folder / output["file"] for output in done["outputs"]]
