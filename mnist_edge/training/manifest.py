"""A trained .keras file and its manifest: how it was made, and how well it reads."""

import importlib.metadata
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from mnist_edge.backend import keras, tf
from mnist_edge.datasets import Dataset
from mnist_edge.documents import INLINE, Count, Share, from_json, to_json
from mnist_edge.errors import ModelError, OutputError
from mnist_edge.files import (
    manifest_path,
    read_manifest_json,
    read_regular,
    require_writable,
    sha256,
    write_json,
    write_whole,
)
from mnist_edge.model_spec import MAX_MODEL_BYTES
from mnist_edge.runtime.confidence import UNCALIBRATED, Calibration
from mnist_edge.sources.keras_file import facts as recorded_facts
from mnist_edge.sources.keras_file import read_keras
from mnist_edge.training.calibrate import calibrate, expected_calibration_error
from mnist_edge.training.fit import evaluate, predict, require_finite
from mnist_edge.training.history import History
from mnist_edge.training.network import to_bytes
from mnist_edge.training.recipes import Recipe

Labelled = tuple[NDArray[np.uint8], NDArray[np.integer]]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Quality:
    """How well a network reads some images.

    Attributes:
        images: How many.
        accuracy: Share of them that it reads right.
        ece_uncalibrated: Expected calibration error of its probabilities as they are.
        ece: The same with its temperature.
    """

    images: Count
    accuracy: Share
    ece_uncalibrated: Share
    ece: Share


@dataclass(frozen=True, slots=True)
class TrainedNetwork:
    """What the manifests of train and compress both record of a .keras file.

    Attributes:
        file: Its name.
        bytes: Its size.
        sha256: Its checksum.
        recipe: ``Recipe.describe``, or what stood in its place when the file was made.
        seed: What first weights, order and distortion follow from.
        data: ``Dataset.summary``.
        confidence: Temperature and limit, measured on the validation images.
        validation: On the training images that were held back.
        test: On the test images; null for the sample, which has none.
        history: Of its training.
        tools: Versions, by package.
        labels: The names of its classes; null for the digits 0 to 9.
    """

    file: str
    bytes: Count
    sha256: str
    recipe: Mapping[str, Any]
    seed: Count
    data: Mapping[str, str]
    confidence: Calibration
    validation: Quality
    test: Quality | None
    history: History
    tools: Mapping[str, str]
    labels: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class TrainingManifest:
    """The manifest of a file that ``train`` has written.

    Attributes:
        network: The file.
        teacher: History of the network that it learnt from; null where that were the labels.
    """

    SCHEMA: ClassVar[str] = "mnist-edge/train/1"

    network: TrainedNetwork = field(metadata=INLINE)
    teacher: History | None = None

    @property
    def origin(self) -> str:
        """Checksum of the network that it was made of: of none."""
        return ""


@dataclass(frozen=True, slots=True)
class CompressionSource:
    """The network that a narrower one was made of.

    Attributes:
        sha256: Checksum of its file.
        widths: Units of each hidden layer.
        validation: Accuracy on the validation images.
        test: Accuracy on the test images, if there are any.
    """

    sha256: str
    widths: tuple[Count, ...]
    validation: Share
    test: Share | None = None


@dataclass(frozen=True, slots=True)
class CompressionManifest:
    """The manifest of a file that ``compress`` has written.

    Attributes:
        network: The file.
        compressed_from: What it was made of.
    """

    SCHEMA: ClassVar[str] = "mnist-edge/compress/1"

    network: TrainedNetwork = field(metadata=INLINE)
    compressed_from: CompressionSource

    def __post_init__(self) -> None:
        """Refuse networks that were not measured on the same images.

        Raises:
            ValueError: One has an accuracy on test images and the other has none.
        """
        if (self.network.test is None) != (self.compressed_from.test is None):
            raise ValueError("expected both networks or neither to be measured on test images")

    @property
    def origin(self) -> str:
        """Checksum of the network that it was made of."""
        return self.compressed_from.sha256


Manifest = TypeVar("Manifest", TrainingManifest, CompressionManifest)


def checkpoint_path(out: Path) -> Path:
    """Return where the state of an unfinished training stands: beside the file it will become."""
    return out.with_name(out.name + ".checkpoint")


def prepare(out: Path, checkpoints: Iterable[Path], *, resume: bool) -> None:
    """Make sure before long work that its files can be written, and delete an interrupted run.

    Args:
        out: The .keras file.
        checkpoints: Of all stages.
        resume: Whether an interrupted run stays.

    Raises:
        OutputError: They cannot be, or one is a model of somebody else's.
    """
    states = tuple(checkpoints)
    names = [path.name for path in (out, manifest_path(out), *states)]
    require_writable(out.parent, *names)
    require_own(out)
    if not resume:
        _delete(states)


def require_own(out: Path) -> None:
    """Refuse to replace a .keras file that no training of ours has written.

    Raises:
        OutputError: It is one: neither it nor a manifest beside it says so.
    """
    if not out.exists() or manifest_path(out).exists() or recorded_facts(read_keras(out)):
        return
    raise OutputError(
        f"expected a new file or one that mnist-edge trained, found another at {out}: name another "
        "--out"
    )


def write_network(
    model: keras.Model,
    history: History,
    recipe: Recipe,
    seed: int,
    dataset: Dataset,
    out: Path,
    compressed_from: CompressionSource | None = None,
) -> TrainedNetwork:
    """Measure a network, write it as a .keras file, and return what its manifest records.

    Raises:
        ModelError: A weight or an answer is not finite: ``out`` stays as it was.
        OutputError: The file cannot be written.
    """
    splits = held_out(dataset)
    answers = {name: predict(model, images) for name, (images, _) in splits.items()}
    require_finite([*model.get_weights(), *answers.values()], f"the network for {out}")
    calibration = calibrate(answers["validation"], splits["validation"][1])
    facts = {**_facts(recipe, seed, dataset), "confidence": to_json(calibration)}
    if compressed_from:
        facts["compressed_from"] = to_json(compressed_from)
    content = to_bytes(model, facts)
    quality = {}
    for name, (_, labels) in splits.items():
        quality[name] = _quality(answers[name], labels, calibration)
    network = TrainedNetwork(
        file=out.name,
        bytes=len(content),
        sha256=sha256(content),
        recipe=facts["recipe"],
        seed=seed,
        data=facts["data"],
        confidence=calibration,
        validation=quality["validation"],
        test=quality.get("test"),
        history=history,
        tools=_tools(),
        labels=None if dataset.has_digits else dataset.classes,
    )
    write_whole(out, content)
    return network


def write_manifest(
    manifest: TrainingManifest | CompressionManifest, out: Path, checkpoints: Iterable[Path]
) -> None:
    """Write the manifest of a .keras file; only then are its checkpoints of no more use."""
    write_json(manifest_path(out), manifest)
    _delete(checkpoints)


def finished(
    kind: type[Manifest],
    out: Path,
    recipe: Recipe,
    dataset: Dataset,
    seed: int,
    origin: str = "",
) -> Manifest | None:
    """Return the manifest of an earlier run with the same settings, if its file is whole.

    None where there is none. A manifest that is damaged is not used: a warning is logged.

    Args:
        kind: The class of the manifest.
        out: The .keras file.
        recipe: How it should have been trained.
        dataset: On what.
        seed: With which seed.
        origin: Checksum of the network that it should be made of.
    """
    try:
        document = read_manifest_json(out)
        if document is None or document["sha256"] != sha256(read_regular(out, 4 * MAX_MODEL_BYTES)):
            return None
    except OSError:  # the file is not there, or is none that a training has written
        return None
    except ModelError as error:
        _log.warning("%s is replaced: %s", out, error)
        return None
    wanted = _facts(recipe, seed, dataset)
    if any(document.get(key) != value for key, value in wanted.items()):
        return None
    try:
        manifest = from_json(kind, document)
    except ValueError as error:
        path = manifest_path(out)
        _log.warning("%s is replaced: its manifest %s is damaged (%s)", out, path, error)
        return None
    return manifest if manifest.origin == origin else None


def held_out(dataset: Dataset) -> dict[str, Labelled]:
    """Return images and labels to measure a network on.

    The sample has no test images: its own are training images, which are trained on.
    """
    splits = {"validation": dataset.validation}
    if dataset.test_split == "test":
        splits["test"] = (dataset.test_images, dataset.test_labels)
    return splits


def accuracy(model: keras.Model, images: np.ndarray, labels: np.ndarray) -> float:
    """Return a network's accuracy on uint8 images, as manifests have it."""
    _, share = evaluate(model, images, labels)
    return round(share, 6)


def _facts(recipe: Recipe, seed: int, dataset: Dataset) -> dict[str, Any]:
    """Return what decides a training's result, as JSON."""
    facts = {"recipe": recipe.describe(), "seed": seed, "data": dataset.summary}
    if not dataset.has_digits:
        facts["labels"] = dataset.classes
    return dict(to_json(facts))


def _quality(
    probabilities: NDArray[np.float32], labels: NDArray[np.integer], calibration: Calibration
) -> Quality:
    right = probabilities.argmax(axis=1) == labels
    errors = []
    for scale in (UNCALIBRATED, calibration):
        error = expected_calibration_error(scale.confidences(probabilities), right)
        errors.append(round(error, 6))
    return Quality(len(labels), round(float(right.mean()), 6), *errors)


def _tools() -> dict[str, str]:
    tools = {name: importlib.metadata.version(name) for name in ("mnist-edge", "keras", "numpy")}
    return tools | {"tensorflow": tf.__version__}


def _delete(checkpoints: Iterable[Path]) -> None:
    for path in checkpoints:
        path.unlink(missing_ok=True)
