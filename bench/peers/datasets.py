"""The labelled data sets and models that Precis is compared on, read exactly as shared/data/README.md says.

A Task joins a model file with its data: which rows calibrate, which rows judge (never the same ones), and how a row
becomes the model's input. Rows are read one at a time, so a caller's memory is its own. The folder is found through the
environment variable PRECIS_SHARED_DATA, or beside the repository as ../shared/data.
JPEG files are decoded by Pillow, which uses libjpeg-turbo with its accurate integer DCT, as Precis does.
"""

import csv
import functools
import gzip
import os
import pathlib
from dataclasses import dataclass
from typing import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFont

IMAGENET_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
IMAGENET_STD = np.array([0.229, 0.224, 0.225], np.float32)


@functools.cache
def shared_data() -> pathlib.Path:
    beside = pathlib.Path(__file__).resolve().parents[2] / ".." / "shared" / "data"
    folder = pathlib.Path(os.environ.get("PRECIS_SHARED_DATA", beside)).resolve()
    if not (folder / "models").is_dir():
        raise SystemExit(f"no data at {folder}: set PRECIS_SHARED_DATA to the folder that holds models/ and imagenet500/")
    return folder


class ImageNet:
    """500 JPEG pictures (short side 256), one row of labels.csv each."""

    def __init__(self):
        with open(shared_data() / "imagenet500" / "labels.csv", newline="") as file:
            self.rows = list(csv.DictReader(file))

    def __len__(self):
        return len(self.rows)

    def picture(self, row: int) -> Image.Image:
        with Image.open(shared_data() / "imagenet500" / self.rows[row]["file"]) as image:
            return image.convert("RGB")

    def label(self, row: int) -> int:
        return int(self.rows[row]["class_id"])


class CifarBinary:
    """CIFAR-10 records in gzip: one label byte, then 3 x 32 x 32 bytes (planar RGB)."""

    def __init__(self, name: str):
        with gzip.open(shared_data() / "cifar10jpeg" / name) as file:
            self.records = np.frombuffer(file.read(), np.uint8).reshape(-1, 3073)

    def __len__(self):
        return len(self.records)

    def picture(self, row: int) -> np.ndarray:
        return self.records[row, 1:].reshape(3, 32, 32)

    def label(self, row: int) -> int:
        return int(self.records[row, 0])


class Idx:
    """MNIST pictures and labels: gzip IDX files, big-endian headers of 16 and 8 bytes."""

    def __init__(self, stem: str):
        with gzip.open(shared_data() / "mnist" / f"{stem}-images-idx3-ubyte.gz") as file:
            self.pictures = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28)
        with gzip.open(shared_data() / "mnist" / f"{stem}-labels-idx1-ubyte.gz") as file:
            self.labels = np.frombuffer(file.read(), np.uint8, offset=8)

    def __len__(self):
        return len(self.pictures)

    def picture(self, row: int) -> np.ndarray:
        return self.pictures[row]

    def label(self, row: int) -> int:
        return int(self.labels[row])


class SpeechCommands:
    """Ready MFCC features, 49 frames of 10, in a fixed shuffled order."""

    def __init__(self):
        folder = shared_data() / "speech_commands"
        self.features = np.load(folder / "mfcc_49x10_f32.npy")
        self.labels = np.load(folder / "labels_u8.npy")

    def __len__(self):
        return len(self.features)

    def picture(self, row: int) -> np.ndarray:
        return self.features[row]

    def label(self, row: int) -> int:
        return int(self.labels[row])


class RenderedText:
    """500 lines of made-up words, every other one upside down (class 1), as PNG files with a labels.csv beside them: what a text
    direction classifier is for. Drawn once with Pillow's own font; the same files every time for one release of Pillow."""

    folder = pathlib.Path(__file__).resolve().parents[2] / "build" / "bench" / "text"
    count = 500

    def __init__(self):
        if not (self.folder / "labels.csv").exists():
            self.draw()

    def draw(self) -> None:
        rng = np.random.default_rng(0)
        self.folder.mkdir(parents=True, exist_ok=True)
        letters = list("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
        for row in range(self.count):
            ground, ink = (tuple(int(c) for c in rng.integers(low, high, 3)) for low, high in ((170, 256), (0, 90)))
            image = Image.new("RGB", (192, 48), ground)
            words = "".join(rng.choice(letters, int(rng.integers(4, 9))))
            font = ImageFont.load_default(size=int(rng.integers(24, 37)))
            ImageDraw.Draw(image).text((int(rng.integers(2, 24)), 24), words, fill=ink, font=font, anchor="lm")
            (image.rotate(180) if row % 2 else image).save(self.folder / f"{row:03}.png")
        lines = ["file,class_id", *(f"{row:03}.png,{row % 2}" for row in range(self.count))]
        (self.folder / "labels.csv").write_text("\n".join(lines) + "\n")

    def __len__(self):
        return self.count

    def picture(self, row: int) -> Image.Image:
        with Image.open(self.folder / f"{row:03}.png") as image:
            return image.convert("RGB")

    def label(self, row: int) -> int:
        return row % 2


def planar(image: Image.Image) -> np.ndarray:
    return np.asarray(image, np.float32).transpose(2, 0, 1)


def centre_crop(image: Image.Image, side: int = 224) -> Image.Image:
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.crop((left, top, left + side, top + side))


def normalised(planes: np.ndarray) -> np.ndarray:
    unit = planes.astype(np.float32) / np.float32(255)
    return (unit - IMAGENET_MEAN[:, None, None]) / IMAGENET_STD[:, None, None]


def squeezenet_input(image):
    return normalised(planar(centre_crop(image)))


def mobilenet_input(image):
    return planar(centre_crop(image)) / np.float32(127.5) - np.float32(1)


def mnist_input(picture):
    return picture.astype(np.float32)[None]


def ultraface_input(image):
    return (planar(image.resize((320, 240), Image.BILINEAR)) - np.float32(127)) / np.float32(128)


def ppocr_cls_input(image):
    bgr = planar(image.resize((192, 48), Image.BILINEAR))[::-1]
    return np.ascontiguousarray((bgr / np.float32(255) - np.float32(0.5)) / np.float32(0.5))


@dataclass(frozen=True)
class Task:
    """One model with its data. Splits are (how to open the set, first row, one past the last row)."""

    model: str
    prepare: Callable
    calib_split: tuple
    judge_split: tuple
    full_split: tuple  # the rows that readme_top1 was measured on (the text: 16 rows of it)
    readme_top1: float | None = None  # None: the pictures are no labelled test of this model

    @property
    def model_path(self) -> pathlib.Path:
        return shared_data() / "models" / self.model

    @property
    def labelled(self) -> bool:
        return self.readme_top1 is not None

    def rows(self, split: str) -> "Rows":
        source, first, last = getattr(self, f"{split}_split")
        return Rows(source(), self.prepare, first, last)


class Rows:
    """A range of rows of one set; sample(i) is float32 with a leading batch dimension of 1."""

    def __init__(self, source, prepare, first: int, last: int):
        self.source, self.prepare, self.first = source, prepare, first
        self.count = min(last, len(source)) - first

    def __len__(self):
        return self.count

    def sample(self, i: int) -> np.ndarray:
        return self.prepare(self.source.picture(self.first + i))[None]

    def label(self, i: int) -> int:
        return self.source.label(self.first + i)


def imagenet_task(model, prepare, readme_top1=None):
    return Task(model, prepare, (ImageNet, 0, 100), (ImageNet, 100, 500), (ImageNet, 0, 500), readme_top1)


def cifar_task(model, readme_top1):
    train = functools.partial(CifarBinary, "train5000.bin.gz")
    test = functools.partial(CifarBinary, "test2500.bin.gz")
    return Task(model, normalised, (train, 0, 500), (test, 0, 2500), (test, 0, 2500), readme_top1)


def speech_task(model, readme_top1):
    return Task(model, lambda features: features, (SpeechCommands, 0, 200), (SpeechCommands, 200, 2143), (SpeechCommands, 0, 2143),
                readme_top1)


TASKS = {
    "squeezenet": imagenet_task("squeezenet1.1.onnx", squeezenet_input, 0.604),
    "mobilenet": imagenet_task("mobilenet_v1_0.25_224.onnx", mobilenet_input, 0.582),
    "resnet20_jpeg": cifar_task("resnet20_cifar10jpeg.onnx", 0.8716),
    "resnet20": cifar_task("resnet20_cifar10.onnx", 0.806),
    "mnist": Task(
        "mnist-8.onnx",
        mnist_input,
        (functools.partial(Idx, "train60000"), 0, 500),
        (functools.partial(Idx, "test5000"), 0, 5000),
        (functools.partial(Idx, "test5000"), 0, 5000),
        0.9896,
    ),
    "kws": speech_task("kws_ds_cnn_s.onnx", 0.9165),
    "kws_lstm": speech_task("kws_basic_lstm_m.onnx", 0.9085),
    # No labelled data: natural pictures as inputs, compared by SQNR and agreement with the float model.
    "ultraface": imagenet_task("ultraface_rfb320.onnx", ultraface_input),
    "ppocr_cls": Task("ch_ppocr_mobile_v2.0_cls_infer.onnx", ppocr_cls_input, (RenderedText, 0, 100), (RenderedText, 100, 500),
                      (RenderedText, 0, 500), 1.0),
}
