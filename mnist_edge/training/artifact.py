"""A trained .keras file and its receipt: made from a recipe, or cut out of a wider one."""

import dataclasses
import importlib.metadata
import json
import logging
from pathlib import Path
from typing import Any

import numpy as np

from mnist_edge.backend import keras, tf
from mnist_edge.datasets import Dataset
from mnist_edge.errors import ModelError
from mnist_edge.files import (
    read_receipt,
    read_regular,
    receipt_path,
    require_writable,
    sha256,
    write_json,
    write_whole,
)
from mnist_edge.model_spec import MAX_MODEL_BYTES
from mnist_edge.runtime.confidence import UNCALIBRATED, Calibration
from mnist_edge.sources.keras_file import from_bytes, read_keras
from mnist_edge.training.calibrate import calibrate, expected_calibration_error
from mnist_edge.training.compress import compress as compress_network
from mnist_edge.training.compress import require_narrower
from mnist_edge.training.fit import OnEpoch, Trained, checkpoints, fit, predict, require_finite
from mnist_edge.training.network import hidden_widths, plain, to_bytes
from mnist_edge.training.recipes import Recipe

_log = logging.getLogger(__name__)


def checkpoint_path(out: Path) -> Path:
    """Where the state of an unfinished training stands: beside the file that it will become."""
    return out.with_name(out.name + ".checkpoint")


def compressed_path(wide: Path, widths: tuple[int, ...], folder: Path | None = None) -> Path:
    """What a network made of ``wide`` is called, beside it or in ``folder``: mnist-mlp-128-64.keras."""
    return (folder or wide.parent) / f"{wide.stem}-{'-'.join(map(str, widths))}.keras"


def train(
    recipe: Recipe,
    dataset: Dataset,
    out: Path,
    *,
    seed: int = 0,
    fresh: bool = False,
    on_epoch: OnEpoch = lambda *_: None,
) -> dict[str, Any]:
    """Trains a network and writes it, without optimizer state, with its receipt beside it.

    Args:
        recipe: What to do.
        dataset: What to train on; its test images are looked at once, at the end.
        out: The .keras file to write.
        seed: Decides the first weights, the order of the images and their distortion.
        fresh: Start anew even if an interrupted run could be continued.
        on_epoch: Called after each epoch, and once before the first, with the recipe (the teacher's too) and history.

    Returns:
        The receipt.

    Raises:
        OptionError: An interrupted run with other settings is in the way.
        ModelError: The training has diverged: ``out`` stays as it was.
        OutputError: The folder of ``out`` cannot be written.
    """
    checkpoint = checkpoint_path(out)
    states = checkpoints(recipe, checkpoint)
    _prepare(out, states, fresh)
    trained = fit(recipe, dataset, seed=seed, checkpoint=checkpoint, on_epoch=on_epoch)
    return _write(trained, _facts(recipe, seed, dataset), dataset, out, states)


def compress(
    wide: Path,
    recipe: Recipe,
    dataset: Dataset,
    out: Path,
    *,
    seed: int = 0,
    fresh: bool = False,
    on_epoch: OnEpoch = lambda *_: None,
) -> dict[str, Any]:
    """Makes a narrower network of a wide one and writes it as ``train`` does.

    Args:
        wide: The .keras file of the wide network.
        recipe: How to fine-tune, and the widths to cut down to.
        dataset: As in ``train``, like all that follows.
        out: The .keras file to write.
        seed: Decides the order of the images and their distortion.
        fresh: Start anew even if an interrupted run could be continued.
        on_epoch: Called after each epoch, and once before the first.

    Returns:
        The receipt. Its ``compressed_from`` has the hash, the widths and the accuracy of the wide network.

    Raises:
        ModelError: ``wide`` is missing, damaged, or no plain stack of Dense relu layers.
        OptionError: The widths do not fit it, or an interrupted run with other settings is in the way.
        OutputError: The folder of ``out`` cannot be written.
    """
    content = read_keras(wide)
    network = plain(from_bytes(content, str(wide)), str(wide))
    require_narrower(recipe.widths, network)
    states = (checkpoint_path(out),)
    _prepare(out, states, fresh)
    origin = sha256(content)
    trained = compress_network(
        network, recipe, dataset, seed=seed, origin=origin, checkpoint=states[0], on_epoch=on_epoch
    )
    accuracies = {split: _accuracy(network, *digits) for split, digits in _held_out(dataset).items()}
    source = {"sha256": origin, "widths": list(hidden_widths(network)), **accuracies}
    return _write(trained, _facts(recipe, seed, dataset) | {"compressed_from": source}, dataset, out, states)


def finished(out: Path, recipe: Recipe, dataset: Dataset, seed: int, wide_sha256: str = "") -> dict[str, Any] | None:
    """Return the receipt of an earlier run with the same settings, if its file is there and whole; else None.

    A receipt that is damaged is not used: a warning is logged.
    """
    try:
        receipt = read_receipt(out)
        if receipt is None or receipt["sha256"] != sha256(read_regular(out, 4 * MAX_MODEL_BYTES)):
            return None
    except OSError:  # the file is not there, or is none that a training has written
        return None
    except ModelError as error:
        _log.warning("%s is made anew: %s", out, error)
        return None
    wanted = json.loads(json.dumps(_facts(recipe, seed, dataset)))
    if any(receipt.get(key) != value for key, value in wanted.items()):
        return None
    if not _is_whole(receipt):
        _log.warning("%s is made anew: its receipt %s is damaged", out, receipt_path(out))
        return None
    return receipt if receipt.get("compressed_from", {"sha256": ""})["sha256"] == wide_sha256 else None


def _is_whole(receipt: dict[str, Any]) -> bool:
    """Whether a receipt has all that is read of one, of the right types."""
    if "test" not in receipt or not _is_count(receipt.get("bytes")):
        return False
    splits = [receipt.get("validation")]
    if receipt["test"] is not None:
        splits.append(receipt["test"])
    for split in splits:
        if not isinstance(split, dict) or not _is_count(split.get("images")):
            return False
        if not _is_share(split.get("accuracy")):
            return False
    return "compressed_from" not in receipt or _is_whole_source(receipt["compressed_from"], len(splits) > 1)


def _is_whole_source(wide: object, tested: bool) -> bool:
    """Whether a receipt's ``compressed_from`` tells of the wide network all that is read of it."""
    if not isinstance(wide, dict) or not isinstance(wide.get("sha256"), str):
        return False
    widths = wide.get("widths")
    if not isinstance(widths, list) or not all(map(_is_count, widths)):
        return False
    return _is_share(wide.get("validation")) and (not tested or _is_share(wide.get("test")))


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**40


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _prepare(out: Path, states: tuple[Path, ...], fresh: bool) -> None:
    """Sees to it that what will be written can be, and that nothing old is in the way if that was asked for."""
    require_writable(out.parent, out.name, receipt_path(out).name, *(state.name for state in states))
    if fresh:
        for state in states:
            state.unlink(missing_ok=True)


def _facts(recipe: Recipe, seed: int, dataset: Dataset) -> dict[str, Any]:
    return {"recipe": recipe.describe(), "seed": seed, "data": dataset.describe()}


def _write(
    trained: Trained, facts: dict[str, Any], dataset: Dataset, out: Path, states: tuple[Path, ...]
) -> dict[str, Any]:
    """Writes a network with its receipt; only then are the states that it could be gone on from of no more use."""
    digits = _held_out(dataset)
    answers = {split: predict(trained.model, images) for split, (images, _) in digits.items()}
    require_finite([*trained.model.get_weights(), *answers.values()], f"the network for {out}")
    calibration = calibrate(answers["validation"], digits["validation"][1])
    content = to_bytes(trained.model, facts | {"confidence": dataclasses.asdict(calibration)})
    quality = {split: _quality(answers[split], labels, calibration) for split, (_, labels) in digits.items()}
    receipt = {
        "file": out.name,
        "bytes": len(content),
        "sha256": sha256(content),
        **facts,
        "confidence": dataclasses.asdict(calibration),
        "validation": quality["validation"],
        "test": quality.get("test"),
        "history": trained.history,
        **({"teacher": trained.teacher} if trained.teacher else {}),
        "tools": {tool: importlib.metadata.version(tool) for tool in ("mnist-edge", "keras", "numpy")}
        | {"tensorflow": tf.__version__},
    }
    write_whole(out, content)
    write_json(receipt_path(out), receipt)
    for state in states:
        state.unlink(missing_ok=True)
    return receipt


def _held_out(dataset: Dataset) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Images and labels to tell accuracy by. The sample has no test images: its are training images, trained on."""
    splits = {"validation": dataset.validation}
    if dataset.test_split == "test":
        splits["test"] = (dataset.test_images, dataset.test_labels)
    return splits


def _accuracy(model: keras.Model, images: np.ndarray, labels: np.ndarray) -> float:
    return round(float((predict(model, images).argmax(axis=1) == labels).mean()), 6)


def _quality(probabilities: np.ndarray, labels: np.ndarray, calibration: Calibration) -> dict[str, float]:
    """Accuracy, and the expected calibration error without and with the temperature."""
    right = probabilities.argmax(axis=1) == labels
    errors = (
        expected_calibration_error(kind.confidences(probabilities), right) for kind in (UNCALIBRATED, calibration)
    )
    return {
        "images": len(labels),
        "accuracy": round(float(right.mean()), 6),
        **dict(zip(("ece_uncalibrated", "ece"), (round(error, 6) for error in errors), strict=True)),
    }
