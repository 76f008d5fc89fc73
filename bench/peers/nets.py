"""The networks that Precis is compared on: the networks of the shared data with their rows, and the nine light ImageNet graphs with
seeded weights (bench/light_models.sh). A Net adds to a datasets.Task what the `precis` program needs to read the same rows."""

import functools
import pathlib
from dataclasses import dataclass

import datasets

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "bench"
LIGHT = ("bvlc_alexnet", "densenet121", "inception_v1", "inception_v2", "resnet50", "shufflenet", "squeezenet", "vgg19", "zfnet512")
LIGHT_CALIBRATION_ROWS = 20  # made-up weights: what counts is that the ranges fit


@dataclass(frozen=True)
class Net:
    name: str
    task: datasets.Task
    folder: str  # of the shared data; the specifications below are relative to it
    calib: str  # --calib
    judge: str  # --data
    preprocess: str | None = None
    light: bool = False
    labels: str | None = None  # a file in the folder, where the data does not bring its own

    @property
    def path(self) -> pathlib.Path:
        return self.task.model_path

    @functools.cached_property
    def shape(self) -> tuple:
        return self.task.rows("calib").sample(0).shape

    def source(self, split: str) -> str:
        folder = datasets.shared_data() / self.folder
        labels = f",labels={folder / self.labels}" if self.labels else ""
        return f"{folder}/{self.calib if split == 'calib' else self.judge}{labels}"

    def preprocessing(self) -> list:
        return ["--preprocess", self.preprocess] if self.preprocess else []


def pictures(name: str, task: datasets.Task, preprocess: str, calib_rows: int = 100, light: bool = False) -> Net:
    return Net(name, task, ".", f"imagenet500,rows=0:{calib_rows}", "imagenet500,rows=100:500", preprocess, light)


def yaml(name: str) -> str:
    return str(ROOT / "bench" / "preprocess" / f"{name}.yaml")


def cifar(name: str) -> Net:
    return Net(name, datasets.TASKS[name], "cifar10jpeg", "train5000.bin.gz,rows=0:500", "test2500.bin.gz", "cifar10")


def speech(name: str) -> Net:
    return Net(name, datasets.TASKS[name], "speech_commands", "mfcc_49x10_f32.npy,rows=0:200", "mfcc_49x10_f32.npy,rows=200:2143",
               labels="labels_u8.npy")


def light(name: str) -> Net:
    task = datasets.imagenet_task(str(BUILD / "light" / f"{name}.onnx"), datasets.squeezenet_input)
    return pictures(f"light_{name}", task, "imagenet-crop", LIGHT_CALIBRATION_ROWS, light=True)


REAL = [
    pictures("squeezenet", datasets.TASKS["squeezenet"], "imagenet-crop"),
    pictures("mobilenet", datasets.TASKS["mobilenet"], "tf-crop"),
    cifar("resnet20_jpeg"),
    cifar("resnet20"),
    Net("mnist", datasets.TASKS["mnist"], "mnist", "train60000-images-idx3-ubyte.gz,rows=0:500", "test5000-images-idx3-ubyte.gz", "raw"),
    speech("kws"),
    speech("kws_lstm"),
    pictures("ultraface", datasets.TASKS["ultraface"], yaml("ultraface")),
    Net("ppocr_cls", datasets.TASKS["ppocr_cls"], str(BUILD), "text,rows=0:100", "text,rows=100:500", yaml("ppocr_cls")),
]
NETS = {net.name: net for net in [*REAL, *map(light, LIGHT)]}
