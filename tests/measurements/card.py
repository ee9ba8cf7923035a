"""The model card: what a trained network is, how well it reads, and where it fails.

After Mitchell et al., Model Cards for Model Reporting, 2019 (https://arxiv.org/abs/1810.03993).

Made by ``make card`` from the .keras files, their receipts and the data; the same inputs give the same text: it holds
no date and no time.
"""

import json
import math
import sys
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mnist_edge import datasets
from mnist_edge.cli.render.pictures import contact_sheet, png_bytes
from mnist_edge.datasets import Dataset
from mnist_edge.errors import DataError, ModelError
from mnist_edge.files import read_receipt, receipt_path, sha256, write_whole
from mnist_edge.sources.keras_file import from_bytes, read_keras
from mnist_edge.training.fit import predict
from tests.measurements.corrupt import CORRUPTIONS, corrupt

CARD = "MODEL_CARD.md"
MISREAD = "misread.png"
SHIPPED, SMALL, ARTICLE = "mnist-mlp.keras", "mnist-mlp-small.keras", "mnist-mlp-article.keras"
SEEDS = "seeds.json"


class Read(NamedTuple):
    """A network's receipt, and what it reads on the test images as they are and corrupted.

    Attributes:
        receipt: As ``training.artifact`` wrote it.
        digits: integers (N,), what it takes the test images for.
        corrupted: Accuracy by kind of corruption.
    """

    receipt: dict[str, Any]
    digits: np.ndarray
    corrupted: dict[str, float]


def wilson(right: int, images: int) -> tuple[float, float]:
    """95 % interval of an accuracy: Wilson, Probable Inference, the Law of Succession, and Statistical Inference, 1927.

    Args:
        right: Images read right.
        images: Of so many.
    """
    z = 1.959964
    share, square = right / images, z * z / images
    middle = (share + square / 2) / (1 + square)
    half = z / (1 + square) * math.sqrt(share * (1 - share) / images + square / (4 * images))
    return middle - half, middle + half


def read_all(keras_files: list[Path], dataset: Dataset) -> list[Read]:
    """What each network reads; each corruption is made once for all of them.

    Raises:
        ModelError: A file or its receipt is missing, or they do not belong together.
        DataError: The data is not what the first network was tested on.
    """
    contents = [read_keras(path) for path in keras_files]
    receipts = [_receipt(path, content) for path, content in zip(keras_files, contents, strict=True)]
    if receipts[0]["data"] != dataset.describe():
        raise DataError(
            f"expected the data that {keras_files[0]} was trained on ({receipts[0]['data']['name']}), "
            f"received {dataset.name}: name it with {datasets.DATA_VARIABLE}"
        )
    models = [from_bytes(content, str(path)) for path, content in zip(keras_files, contents, strict=True)]
    digits = [predict(model, dataset.test_images).argmax(axis=1) for model in models]
    corrupted: list[dict[str, float]] = [{} for _ in models]
    for kind in CORRUPTIONS:
        images = corrupt(dataset.test_images, kind)
        for model, accuracies in zip(models, corrupted, strict=True):
            accuracies[kind] = float((predict(model, images).argmax(axis=1) == dataset.test_labels).mean())
    return [Read(*parts) for parts in zip(receipts, digits, corrupted, strict=True)]


def seed_runs(path: Path, shipped: dict[str, Any]) -> list[dict[str, Any]]:
    """The runs in the file that ``make seeds`` writes; the shipped one alone where there is none.

    Raises:
        ModelError: They are of another recipe, or the shipped network is not among them.
    """
    alone = [{key: shipped[key] for key in ("seed", "sha256", "validation", "test")}]
    if not path.exists():
        return alone
    told = json.loads(path.read_text())
    if told["recipe"] != shipped["recipe"] or shipped["sha256"] not in [run["sha256"] for run in told["runs"]]:
        raise ModelError(f"expected the shipped network among the runs in {path}, found others: run make seeds")
    runs: list[dict[str, Any]] = told["runs"]
    return runs


def card(
    shipped: Read, small: Read, article: Read, runs: list[dict[str, Any]], labels: np.ndarray, misread: str
) -> str:
    """The card as Markdown.

    Args:
        shipped: The network that the card is of.
        small: The one that was made of it.
        article: The one that it is compared with.
        runs: One entry a seed: seed, validation, test.
        labels: uint8 (N,), what the test images are.
        misread: Where the picture of the misread digits stands, seen from the card.
    """
    receipt = shipped.receipt
    parts = (
        _INTRODUCTION.format(file=receipt["file"], bytes=receipt["bytes"], sha256=receipt["sha256"]),
        "## How it was trained\n\n" + _training(receipt),
        "## How well it reads\n\n" + _accuracy(runs, small.receipt, article.receipt),
        "## Corrupted digits\n\n" + _corrupted(shipped, small, article),
        "## How sure it is\n\n" + _confidence(receipt),
        "## Known weaknesses\n\n" + _weaknesses(shipped.digits, labels, misread),
        _LICENCE,
    )
    return "\n".join(parts)


def misread_sheet(dataset: Dataset, digits: np.ndarray) -> bytes:
    """A PNG of every misread test digit: its label, then what it was taken for."""
    wrong = np.flatnonzero(digits != dataset.test_labels)
    order = wrong[np.argsort(dataset.test_labels[wrong], kind="stable")]
    captions = [f"{dataset.test_labels[index]} as {digits[index]}" for index in order]
    return png_bytes(contact_sheet(dataset.test_images[order], captions))


_INTRODUCTION = """\
# Model card: {file}

A plain network, 784-512-512-10, that reads one handwritten digit of 28x28 pixels: {bytes:,} bytes, SHA-256
`{sha256}`. Written by `make card`.

**For**: a single, separate digit, light ink on black, prepared as MNIST's digits are (`Predictor.predict_picture` does
that for any picture); learning, comparing runtimes, digit fields of forms with a person behind them.

**Not for**: letters, numbers of several digits, or anything where a wrong digit does harm and nobody looks.
"""

_LICENCE = """\
## Data and licence

MNIST by Yann LeCun, Corinna Cortes and Christopher J.C. Burges, under CC BY-SA 3.0
(https://creativecommons.org/licenses/by-sa/3.0/): digits of American census workers and high-school students, drawn
around 1990. No other data was trained on. The code is MIT.
"""


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _flat(recipe: dict[str, Any], prefix: str = "") -> list[list[str]]:
    """One row a setting, also of what is nested; what is not used (None, nothing, 0) is left out."""
    rows = []
    for name, value in recipe.items():
        title = prefix + name.replace("_", " ")
        if isinstance(value, dict):
            rows += _flat(value, f"{title}: ")
        elif value not in (None, [], 0):
            rows.append([title, ", ".join(map(str, value)) if isinstance(value, list) else str(value)])
    return rows


def _training(receipt: dict[str, Any]) -> str:
    data, recipe = receipt["data"], dict(receipt["recipe"])
    if recipe.get("teacher"):
        own = recipe["teacher"].get("distortion")
        same = own and own == recipe.get("distortion")
        recipe["teacher"] = recipe["teacher"] | ({"distortion": "the same"} if same else {})
    course = ""
    if receipt.get("teacher"):
        course = (
            "It learnt the answers of a teacher, a convolutional network that is not shipped and reads\n"
            f"{receipt['teacher']['val_accuracy'][-1]:.2%} of the validation images.\n"
        )
    if pruning := recipe.get("pruning"):
        course += (
            f"After {recipe['epochs']} epochs all but {' and '.join(map(str, pruning['widths']))} hidden units were "
            "taken out, and the rest went on for\n"
            f"{pruning['epochs']} more. The units taken out are zeros in the file.\n"
        )
    return (
        f"{_table(['recipe', ''], _flat(recipe))}\n"
        f"Seed {receipt['seed']}. What each line means: `mnist_edge/training/recipes.py` and `augment.py`. Data: "
        f"{data['name']}, fingerprint\n`{data['fingerprint']}`. The last {receipt['validation']['images']:,} training "
        f"images were not trained on: all was\nchosen on these, and nothing by the test images.\n{course}"
    ).rstrip() + "\n"


def _interval(quality: dict[str, Any]) -> str:
    right = round(quality["accuracy"] * quality["images"])
    low, high = wilson(right, quality["images"])
    return f"{quality['accuracy']:.2%} ({low:.2%} to {high:.2%})"


def _accuracy(runs: list[dict[str, Any]], small: dict[str, Any], article: dict[str, Any]) -> str:
    rows = [[f"seed {run['seed']}", _interval(run["validation"]), _interval(run["test"])] for run in runs]
    told = ""
    if len(runs) > 1:
        tests = np.array([run["test"]["accuracy"] for run in runs])
        mean = [f"{np.mean([run[split]['accuracy'] for run in runs]):.2%}" for split in ("validation", "test")]
        rows.append(["mean", *mean])
        told = f"Between seeds the test accuracy has a standard deviation of {tests.std(ddof=1) * 100:.2f} points. "
    for called, other in (("the small network", small), ("the article's network", article)):
        rows.append([called, _interval(other["validation"]), _interval(other["test"])])
    images = runs[0]["validation"]["images"], runs[0]["test"]["images"]
    header = ["", f"validation, {images[0]:,} images", f"test, {images[1]:,} images"]
    return (
        f"{_table(header, rows)}\n{told}In brackets: 95 % intervals (Wilson). The small network was made of this one "
        "(docs/compression.md).\n"
    )


def _corrupted(*networks: Read) -> str:
    rows = [[kind, *(f"{read.corrupted[kind]:.1%}" for read in networks)] for kind in CORRUPTIONS]
    means = [f"{np.mean(list(read.corrupted.values())):.1%}" for read in networks]
    return (
        "The test images, corrupted in the fifteen ways of MNIST-C (Mu & Gilmer, 2019), made anew in numpy\n"
        "(`tests/measurements/corrupt.py`), so not to be compared with published figures.\n\n"
        + _table(["", "this network", "the small one", "the article's"], [*rows, ["mean", *means]])
    )


def _confidence(receipt: dict[str, Any]) -> str:
    rows = [
        [
            f"{split}, {receipt[split]['images']:,}",
            f"{receipt[split]['ece_uncalibrated']:.4f}",
            f"{receipt[split]['ece']:.4f}",
        ]
        for split in ("validation", "test")
    ]
    return (
        "Expected calibration error, 15 bins, before and after the temperature "
        f"{receipt['confidence']['temperature']},\nwhich was found on the validation images (docs/confidence.md).\n\n"
        + _table(["images", "before", "after"], rows)
    )


def _weaknesses(digits: np.ndarray, labels: np.ndarray, misread: str) -> str:
    wrong = digits != labels
    pairs = Counter(zip(labels[wrong].tolist(), digits[wrong].tolist(), strict=True))
    common = sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0]))[:6]
    confused = ", ".join(f"{label} as {taken} ({count})" for (label, taken), count in common)
    rows = [[str(digit), f"{(labels == digit).sum():,}", str((wrong & (labels == digit)).sum())] for digit in range(10)]
    return (
        f"{wrong.sum()} of {len(labels):,} test images are misread, most often {confused}.\n\n"
        f"{_table(['digit', 'images', 'misread'], rows)}\n"
        f"![Every misread test digit: its label, then what it was taken for]({misread})\n\n"
        "What no distortion in training resembles stays hard: inverted stripes, fog, a grey background, lines across\n"
        "the digit. A letter or a scribble is taken for a digit (docs/confidence.md).\n"
    )


def _receipt(path: Path, content: bytes) -> dict[str, Any]:
    receipt = read_receipt(path)
    if receipt is None:
        raise ModelError(f"expected the receipt {receipt_path(path)}, which is not there: train again")
    if receipt.get("sha256") != sha256(content):
        raise ModelError(f"expected {path} as its receipt says, found another file: train again")
    if not receipt.get("test"):
        raise ModelError(f"expected a network that was tested, but {path} was trained on the sample: train on MNIST")
    return receipt


def main() -> None:
    """Writes MODEL_CARD.md and misread.png; the artifacts' folder and the one to write to may be named."""
    artifacts, out = (Path(argument) for argument in (*sys.argv[1:], "artifacts", "artifacts")[:2])
    dataset = datasets.find()
    shipped, small, article = read_all([artifacts / name for name in (SHIPPED, SMALL, ARTICLE)], dataset)
    runs = seed_runs(artifacts / SEEDS, shipped.receipt)
    text = card(shipped, small, article, runs, dataset.test_labels, MISREAD)
    write_whole(out / MISREAD, misread_sheet(dataset, shipped.digits))
    write_whole(out / CARD, text.encode())


if __name__ == "__main__":
    main()
