"""The model card: what a trained network is, how well it reads, and where it fails.

After Mitchell et al., Model Cards for Model Reporting, 2019 (https://arxiv.org/abs/1810.03993).

Made by ``make card`` from the .keras files, their manifests and the data; the same inputs give the
same text: it holds no date and no time.
"""

import json
import math
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mnist_edge import datasets
from mnist_edge.cli.render.pictures import contact_sheet, png_bytes
from mnist_edge.datasets import Dataset
from mnist_edge.documents import from_json, to_json
from mnist_edge.errors import DataError, ModelError
from mnist_edge.files import manifest_path, read_manifest_json, sha256, write_whole
from mnist_edge.sources.keras_file import from_bytes, read_keras
from mnist_edge.training.fit import predict
from mnist_edge.training.history import History
from mnist_edge.training.manifest import (
    CompressionManifest,
    Quality,
    TrainedNetwork,
    TrainingManifest,
)
from tests.measurements.corrupt import CORRUPTIONS, corrupt
from tests.measurements.seeds import SeedRun, Seeds, seed_run

CARD = "MODEL_CARD.md"
MISREAD = "misread.png"
SHIPPED = "mnist-mlp.keras"
SMALL = "mnist-mlp-small.keras"
ARTICLE = "mnist-mlp-article.keras"
SEEDS = "seeds.json"


class Read(NamedTuple):
    """A network, and what it reads on the test images as they are and corrupted.

    Attributes:
        network: Of its manifest.
        teacher: Of its manifest too.
        digits: integers (N,), what it takes the test images for.
        corrupted: Accuracy by kind of corruption.
    """

    network: TrainedNetwork
    teacher: History | None
    digits: np.ndarray
    corrupted: dict[str, float]


def wilson(right: int, images: int) -> tuple[float, float]:
    """Return the 95 % interval of an accuracy.

    Wilson, Probable Inference, the Law of Succession, and Statistical Inference, 1927.

    Args:
        right: Images read right.
        images: Of so many.
    """
    z = 1.959964
    share = right / images
    square = z * z / images
    middle = (share + square / 2) / (1 + square)
    variance = share * (1 - share) / images + square / (4 * images)
    half = z / (1 + square) * math.sqrt(variance)
    return middle - half, middle + half


def read_all(keras_files: list[Path], dataset: Dataset) -> list[Read]:
    """Return what each network reads; each corruption is made once for all of them.

    Raises:
        ModelError: A file or its manifest is missing, or they do not belong together.
        DataError: The data is not what the first network was tested on.
    """
    contents = [read_keras(path) for path in keras_files]
    manifests = []
    models = []
    for path, content in zip(keras_files, contents, strict=True):
        manifests.append(_manifest(path, content))
        models.append(from_bytes(content, str(path)))
    trained_on = manifests[0].network.data
    if trained_on != to_json(dataset.summary):
        raise DataError(
            f"expected the data that {keras_files[0]} was trained on ({trained_on['name']}), "
            f"received {dataset.name}: name it with {datasets.DATA_VARIABLE}"
        )
    corrupted: list[dict[str, float]] = [{} for _ in models]
    for kind in CORRUPTIONS:
        images = corrupt(dataset.test_images, kind)
        for model, accuracies in zip(models, corrupted, strict=True):
            right = predict(model, images).argmax(axis=1) == dataset.test_labels
            accuracies[kind] = float(right.mean())
    reads = []
    for manifest, model, accuracies in zip(manifests, models, corrupted, strict=True):
        digits = predict(model, dataset.test_images).argmax(axis=1)
        teacher = manifest.teacher if isinstance(manifest, TrainingManifest) else None
        reads.append(Read(manifest.network, teacher, digits, accuracies))
    return reads


def seed_runs(path: Path, shipped: TrainedNetwork) -> Sequence[SeedRun]:
    """Return the runs in the file that ``make seeds`` writes.

    Where there is none, the shipped network is the only one.

    Raises:
        ModelError: They are of another recipe, or the shipped network is not among them.
    """
    if not path.exists():
        return [seed_run(shipped)]
    made = from_json(Seeds, json.loads(path.read_text()))
    if made.recipe != shipped.recipe or shipped.sha256 not in [run.sha256 for run in made.runs]:
        raise ModelError(
            f"expected the shipped network among the runs in {path}, found others: run make seeds"
        )
    return made.runs


def card(
    shipped: Read,
    small: Read,
    article: Read,
    runs: Sequence[SeedRun],
    labels: np.ndarray,
    misread: str,
) -> str:
    """Return the card as Markdown.

    Args:
        shipped: The network that the card is of.
        small: The one that was made of it.
        article: The one that it is compared with.
        runs: One a seed.
        labels: uint8 (N,), what the test images are.
        misread: Where the picture of the misread digits stands, seen from the card.
    """
    network = shipped.network
    parts = (
        _INTRODUCTION.format(file=network.file, bytes=network.bytes, sha256=network.sha256),
        "## How it was trained\n\n" + _training(network, shipped.teacher),
        "## How well it reads\n\n" + _accuracy(runs, small.network, article.network),
        "## Corrupted digits\n\n" + _corrupted(shipped, small, article),
        "## How sure it is\n\n" + _confidence(network),
        "## Known weaknesses\n\n" + _weaknesses(shipped, labels, misread),
        _LICENCE.format(drawings=_drawings(network.recipe)),
    )
    return "\n".join(parts)


def misread_sheet(dataset: Dataset, digits: np.ndarray) -> bytes:
    """Return a PNG of every misread test digit: its label, then what it was taken for."""
    wrong = np.flatnonzero(digits != dataset.test_labels)
    order = wrong[np.argsort(dataset.test_labels[wrong], kind="stable")]
    captions = [f"{dataset.test_labels[index]} as {digits[index]}" for index in order]
    return png_bytes(contact_sheet(dataset.test_images[order], captions))


_INTRODUCTION = """\
# Model card: {file}

A plain network, 784-512-512-10, that reads one handwritten digit of 28x28 pixels: \
{bytes:,} bytes, SHA-256
`{sha256}`. Written by `make card`.

**For**: a single, separate digit, light ink on black, prepared as MNIST's digits are \
(`Predictor.predict_picture` does
that for any picture); learning, comparing runtimes, \
digit fields of forms with a person behind them.

**Not for**: letters, numbers of several digits, \
or anything where a wrong digit does harm and nobody looks.
"""

_LICENCE = """\
## Data and licence

MNIST by Yann LeCun, Corinna Cortes and Christopher J.C. Burges, under CC BY-SA 3.0
(https://creativecommons.org/licenses/by-sa/3.0/): \
digits of American census workers and high-school students, drawn
around 1990. {drawings}No other data was trained on. The code is MIT.
"""


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _settings(recipe: Mapping[str, Any]) -> list[list[str]]:
    """Return one row a setting; a distortion that was there before is "the same"."""
    if "stages" not in recipe:  # recorded before recipes had stages: each stood in the next
        record = dict(recipe)
        teacher = record.get("teacher")
        if (
            teacher
            and record.get("distortion")
            and teacher.get("distortion") == record["distortion"]
        ):
            record["teacher"] = teacher | {"distortion": "the same"}
        return _flat(record)
    rows = [["name", recipe["name"]]]
    distortions: list[Any] = []
    for stage in recipe["stages"]:
        record = {name: value for name, value in stage.items() if name != "name"}
        distortion = record.get("distortion")
        if distortion in distortions:
            record["distortion"] = "the same"
        elif distortion:
            distortions.append(distortion)
        rows += _flat(record, f"{stage['name']}: ")
    return rows


def _flat(record: Mapping[str, Any], prefix: str = "") -> list[list[str]]:
    """Return one row a setting, also of what is nested, but none for None, nothing or 0."""
    rows = []
    for name, value in record.items():
        title = prefix + name.replace("_", " ")
        if isinstance(value, dict):
            rows += _flat(value, f"{title}: ")
        elif isinstance(value, list) and value:
            rows.append([title, ", ".join(map(str, value))])
        elif value not in (None, [], 0):
            rows.append([title, str(value)])
    return rows


def _pruning(recipe: Mapping[str, Any]) -> str:
    """Return a sentence about the pruned stage, if there is one."""
    if "stages" not in recipe:
        before, pruned = recipe, recipe.get("pruning")
    else:
        stages = {stage["name"]: stage for stage in recipe["stages"]}
        pruned = recipe["stages"][-1]
        before = stages.get(pruned.get("starts_from"))
    if not pruned or not before:
        return ""
    return (
        f"After {before['epochs']} epochs all but {' and '.join(map(str, pruned['widths']))} "
        "hidden units were taken out, and the rest went on for\n"
        f"{pruned['epochs']} more. The units taken out are zeros in the file.\n"
    )


def _training(network: TrainedNetwork, teacher: History | None) -> str:
    course = ""
    if teacher:
        course = (
            "It learnt the answers of a teacher, a convolutional network that is not shipped and "
            f"reads\n{teacher.val_accuracy[-1]:.2%} of the validation images.\n"
        )
    course += _pruning(network.recipe)
    text = (
        f"{_table(['recipe', ''], _settings(network.recipe))}\n"
        f"Seed {network.seed}. What each line means: `mnist_edge/training/recipes.py` and "
        f"`augment.py`. Data: {network.data['name']}, fingerprint\n"
        f"`{network.data['fingerprint']}`. The last {network.validation.images:,} training "
        "images were not trained on: choices\n"
        "were made on these (and see docs/training.md), and nothing by the test images.\n"
        f"{course}"
    )
    return text.rstrip() + "\n"


def _interval(quality: Quality) -> str:
    right = round(quality.accuracy * quality.images)
    low, high = wilson(right, quality.images)
    return f"{quality.accuracy:.2%} ({low:.2%} to {high:.2%})"


def _tested(network: TrainedNetwork | SeedRun) -> Quality:
    assert network.test
    return network.test


def _accuracy(runs: Sequence[SeedRun], small: TrainedNetwork, article: TrainedNetwork) -> str:
    rows = []
    for run in runs:
        rows.append([f"seed {run.seed}", _interval(run.validation), _interval(_tested(run))])
    spread = ""
    if len(runs) > 1:
        validations = np.array([run.validation.accuracy for run in runs])
        tests = np.array([_tested(run).accuracy for run in runs])
        rows.append(["mean", f"{np.mean(validations):.2%}", f"{np.mean(tests):.2%}"])
        points = tests.std(ddof=1) * 100
        spread = (
            f"Between seeds the test accuracy has a standard deviation of {points:.2f} points. "
        )
    for name, other in (("the small network", small), ("the article's network", article)):
        rows.append([name, _interval(other.validation), _interval(_tested(other))])
    header = [
        "",
        f"validation, {runs[0].validation.images:,} images",
        f"test, {_tested(runs[0]).images:,} images",
    ]
    return (
        f"{_table(header, rows)}\n{spread}In brackets: 95 % intervals (Wilson). The small network "
        "was made of this one (docs/compression.md).\n"
    )


def _corrupted(*networks: Read) -> str:
    rows = []
    for kind in CORRUPTIONS:
        rows.append([kind, *(f"{read.corrupted[kind]:.1%}" for read in networks)])
    means = [f"{np.mean(list(read.corrupted.values())):.1%}" for read in networks]
    return (
        "The test images, corrupted in the fifteen ways of MNIST-C (Mu & Gilmer, 2019), made anew "
        "in numpy\n(`tests/measurements/corrupt.py`), so not to be compared with published "
        "figures. Some backgrounds\nof the training resemble them: docs/training.md.\n\n"
        + _table(["", "this network", "the small one", "the article's"], [*rows, ["mean", *means]])
    )


def _confidence(network: TrainedNetwork) -> str:
    rows = []
    for name, quality in (("validation", network.validation), ("test", _tested(network))):
        errors = [f"{quality.ece_uncalibrated:.4f}", f"{quality.ece:.4f}"]
        rows.append([f"{name}, {quality.images:,}", *errors])
    return (
        "Expected calibration error, 15 bins, before and after the temperature "
        f"{network.confidence.temperature},\nwhich was found on the validation images "
        "(docs/confidence.md).\n\n" + _table(["images", "before", "after"], rows)
    )


def _drawings(recipe: Mapping[str, Any]) -> str:
    """Return a sentence about what the code has drawn itself, if anything."""
    if not any(stage.get("drawn") for stage in recipe.get("stages", ())):
        return ""
    return (
        "Besides them it was trained on digits, letters and scribbles that its own\ncode draws "
        "(`mnist_edge/training/drawing`). "
    )


def _weaknesses(read: Read, labels: np.ndarray, misread: str) -> str:
    digits = read.digits
    hardest = sorted(read.corrupted, key=lambda kind: read.corrupted[kind])[:4]
    wrong = digits != labels
    pairs = Counter(zip(labels[wrong].tolist(), digits[wrong].tolist(), strict=True))
    common = sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0]))[:6]
    confused = ", ".join(f"{label} as {taken} ({count})" for (label, taken), count in common)
    rows = []
    for digit in range(10):
        of_digit = labels == digit
        rows.append([str(digit), f"{of_digit.sum():,}", str((wrong & of_digit).sum())])
    return (
        f"{wrong.sum()} of {len(labels):,} test images are misread, most often {confused}.\n\n"
        f"{_table(['digit', 'images', 'misread'], rows)}\n"
        f"![Every misread test digit: its label, then what it was taken for]({misread})\n\n"
        f"The hardest corruptions are {', '.join(hardest)}. How often letters and scribbles are "
        "accepted as digits: docs/confidence.md.\n"
    )


def _manifest(path: Path, content: bytes) -> TrainingManifest | CompressionManifest:
    document = read_manifest_json(path)
    if document is None:
        raise ModelError(
            f"expected the manifest {manifest_path(path)}, which is not there: train again"
        )
    if document["sha256"] != sha256(content):
        raise ModelError(
            f"expected {path} as its manifest describes it, found another file: train again"
        )
    kind = CompressionManifest if "compressed_from" in document else TrainingManifest
    try:
        manifest = from_json(kind, document)
    except ValueError as error:
        raise ModelError(f"{manifest_path(path)} is damaged ({error}): train again") from error
    if manifest.network.test is None:
        raise ModelError(
            f"expected a network that was tested, but {path} was trained on the sample: train on "
            "MNIST"
        )
    return manifest


def main() -> None:
    """Write MODEL_CARD.md and misread.png.

    The folder of the artifacts and the one to write to may be named.
    """
    artifacts, out = (Path(argument) for argument in (*sys.argv[1:], "artifacts", "artifacts")[:2])
    dataset = datasets.find()
    files = [artifacts / name for name in (SHIPPED, SMALL, ARTICLE)]
    shipped, small, article = read_all(files, dataset)
    runs = seed_runs(artifacts / SEEDS, shipped.network)
    text = card(shipped, small, article, runs, dataset.test_labels, MISREAD)
    write_whole(out / MISREAD, misread_sheet(dataset, shipped.digits))
    write_whole(out / CARD, text.encode())


if __name__ == "__main__":
    main()
