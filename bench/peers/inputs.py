"""The rows that judge, written once as the model takes them, so that every runtime is fed the very same numbers; and the proof that
Precis makes the same numbers out of the raw data."""

import pathlib
import tempfile

import numpy as np
import onnx
from onnx import helper

import datasets
import nets
import ours


def rows_file(net: nets.Net, count: int | None = None) -> pathlib.Path:
    """float32 [rows, ...], at most `count` rows, by datasets.py."""
    rows = net.task.rows("judge")
    count = min(count or len(rows), len(rows))
    source = "imagenet-crop" if net.light else net.name  # the light graphs are fed the same pictures
    path = nets.BUILD / "inputs" / f"{source}.{count}.npy"
    if not path.exists() or path.stat().st_mtime < pathlib.Path(datasets.__file__).stat().st_mtime:
        path.parent.mkdir(parents=True, exist_ok=True)
        made = path.with_suffix(".part.npy")
        np.save(made, np.concatenate([rows.sample(i) for i in range(count)]))
        made.rename(path)
    return path


def labels(net: nets.Net, count: int) -> np.ndarray | None:
    if not net.task.labelled:
        return None
    rows = net.task.rows("judge")
    return np.array([rows.label(i) for i in range(count)])


def identity_model(path: pathlib.Path, shape) -> None:
    x, y = (helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["N", *shape]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "identity", [x], [y])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)


def differing_values(net: nets.Net, count: int) -> int:
    """How many of the values that `precis` feeds a model from the raw data are not bit for bit those of rows_file; -1: other rows."""
    mine = np.load(rows_file(net, count), mmap_mode="r")
    with tempfile.TemporaryDirectory(dir=nets.BUILD) as name:
        folder = pathlib.Path(name)
        identity_model(folder / "identity.onnx", mine.shape[1:])
        done = ours.precis("run", folder / "identity.onnx", "--data", net.source("judge"), *net.preprocessing(), "-o", folder / "out")
        theirs = np.load(folder / "out" / done["outputs"][0]["file"], mmap_mode="r")[: len(mine)]
        if theirs.shape != mine.shape:
            return -1
        return sum(int((theirs[i].view(np.uint32) != mine[i].view(np.uint32)).sum()) for i in range(len(mine)))
